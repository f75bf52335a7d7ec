using System.Collections.ObjectModel;

namespace Aios.Presentation;

/// <summary>
/// The environments of this machine as they are now, what happens to them, repairs and snapshots: what a window is bound to. It is
/// made on the thread of the user interface, whose synchronization context it is given; there everything is shown.
/// </summary>
public sealed class MonitorViewModel : ObservableObject, IDisposable
{
    /// <summary>As many events are shown; older ones are gone.</summary>
    public const int MostEvents = 200;

    private readonly ILiveSource _source;
    private readonly Engine _engine;
    private readonly Coalescer _coalescer;
    private EnvironmentViewModel? _selected;
    private LiveState _shown = LiveState.None;
    private (int Healthy, int Warning, int Broken) _counts;

    /// <summary>Shows what a source has; what is done is done by an engine. Both are disposed with it.</summary>
    public MonitorViewModel(ILiveSource source, Engine engine, SynchronizationContext ui, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(ui);
        (_source, _engine) = (source, engine);
        Repair = new RepairViewModel(engine, ui);
        Snapshots = new SnapshotsViewModel(engine, ui);
        _coalescer = new Coalescer(ui, Show, clock);
        _source.Changed += _coalescer.Request;
        _coalescer.Request();
    }

    /// <summary>All environments, in the order they were published.</summary>
    public ObservableCollection<EnvironmentViewModel> Environments { get; } = [];

    /// <summary>What happened, the newest first.</summary>
    public ObservableCollection<EventViewModel> Events { get; } = [];

    /// <summary>The repair of the environment that is selected.</summary>
    public RepairViewModel Repair { get; }

    /// <summary>What is remembered.</summary>
    public SnapshotsViewModel Snapshots { get; }

    /// <summary>The environment that the user selected.</summary>
    public EnvironmentViewModel? Selected
    {
        get => _selected;
        set
        {
            if (Set(ref _selected, value)) Repair.Environment = value;
        }
    }

    /// <summary>How many environments are healthy.</summary>
    public int Healthy => _counts.Healthy;

    /// <summary>How many environments work and have something odd.</summary>
    public int Warning => _counts.Warning;

    /// <summary>How many environments are broken.</summary>
    public int Broken => _counts.Broken;

    /// <summary>Somebody keeps the list up to date.</summary>
    public bool IsPublished => _shown.IsPublished;

    /// <summary>Why nobody does; empty otherwise.</summary>
    public string Message => _shown.Message;

    private void Show()
    {
        LiveState newest = _source.State, before = _shown;
        _shown = newest;
        if (!ReferenceEquals(newest.Environments, before.Environments)) ShowEnvironments(newest.Environments);
        if (newest.IsPublished != before.IsPublished) Tell(nameof(IsPublished));
        if (newest.Message != before.Message) Tell(nameof(Message));
        foreach (EnvironmentEvent one in _source.TakeEvents())
        {
            Events.Insert(0, new EventViewModel(one));
            if (Events.Count > MostEvents) Events.RemoveAt(MostEvents);
        }
    }

    /// <summary>Rows stay those of their environments, so that what is selected stays selected.</summary>
    private void ShowEnvironments(IReadOnlyList<PythonEnvironment> newest)
    {
        // One prefix is one environment; an identity may be of several, in odd states.
        var wanted = newest.Select(one => one.Prefix).ToHashSet();
        for (int at = Environments.Count - 1; at >= 0; at--)
            if (!wanted.Contains(Environments[at].Prefix)) Environments.RemoveAt(at);
        var rows = Environments.ToDictionary(one => one.Prefix);
        for (int at = 0; at < newest.Count; at++)
        {
            if (at < Environments.Count && Environments[at].Prefix == newest[at].Prefix) Environments[at].Update(newest[at]);
            else if (rows.TryGetValue(newest[at].Prefix, out EnvironmentViewModel? row))
            {
                Environments.Move(Environments.IndexOf(row), at);
                row.Update(newest[at]);
            }
            else Environments.Insert(at, new EnvironmentViewModel(newest[at]));
        }
        if (_selected != null && !Environments.Contains(_selected)) Selected = null;
        Repair.Refresh();
        (int, int, int) before = _counts;
        int Count(Health health) => newest.Count(one => one.Health == health);
        _counts = (Count(Health.Healthy), Count(Health.Warning), Count(Health.Broken));
        if (_counts == before) return;
        Tell(nameof(Healthy));
        Tell(nameof(Warning));
        Tell(nameof(Broken));
    }

    /// <summary>Ends it, its source and its engine.</summary>
    public void Dispose()
    {
        _source.Changed -= _coalescer.Request;
        _coalescer.Dispose();
        _source.Dispose();
        Repair.Dispose();
        _engine.Dispose();
    }
}

/// <summary>A line of the list of what happened.</summary>
public sealed class EventViewModel
{
    internal EventViewModel(EnvironmentEvent happened) => Event = happened;

    /// <summary>What happened.</summary>
    public EnvironmentEvent Event { get; }

    /// <summary>When, as the clock on the wall shows it.</summary>
    public string Time => Event.Time.ToLocalTime().ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What, in a word.</summary>
    public EventKind Kind => Event.Kind;

    /// <summary>Where.</summary>
    public string Path => Event.Path;

    /// <summary>In words: from what to what, and why.</summary>
    public string Text
    {
        get
        {
            string change = Event.Before == Event.After ? "" : $"{Event.Before} → {Event.After}";
            return string.Join("; ", new[] { change, string.Join(", ", Event.Codes), Event.Text }.Where(part => part.Length > 0));
        }
    }
}
