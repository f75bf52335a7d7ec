using System.Collections.ObjectModel;

namespace Aios.Presentation;

/// <summary>What is remembered: snapshots are taken, compared and restored.</summary>
public sealed class SnapshotsViewModel : WorkViewModel
{
    private readonly Engine _engine;
    private SnapshotInfo? _selected;
    private SnapshotInfo? _other;
    private string _name = "";

    internal SnapshotsViewModel(Engine engine, SynchronizationContext ui) : base(ui)
    {
        _engine = engine;
        ListCommand = new Command(() => Do(_engine.ListSnapshots, Show), () => true);
        TakeCommand = new Command(TakeAsync, () => true);
        DiffCommand = new Command(DiffAsync, () => Selected != null);
        RestoreCommand = new Command(RestoreAsync, () => Selected != null);
    }

    /// <summary>The snapshots that there are, the newest first.</summary>
    public ObservableCollection<SnapshotInfo> All { get; } = [];

    /// <summary>What differs between <see cref="Selected"/> and <see cref="Other"/>.</summary>
    public ObservableCollection<Change> Changes { get; } = [];

    /// <summary>The snapshot that is compared or restored.</summary>
    public SnapshotInfo? Selected
    {
        get => _selected;
        set
        {
            if (!Set(ref _selected, value)) return;
            DiffCommand.Refresh();
            RestoreCommand.Refresh();
        }
    }

    /// <summary>What it is compared with; <c>null</c> for the present state.</summary>
    public SnapshotInfo? Other
    {
        get => _other;
        set => Set(ref _other, value);
    }

    /// <summary>How the next one is to be called; empty for no name.</summary>
    public string Name
    {
        get => _name;
        set => Set(ref _name, value);
    }

    /// <summary>Lists them anew.</summary>
    public Command ListCommand { get; }

    /// <summary>Takes one.</summary>
    public Command TakeCommand { get; }

    /// <summary>Compares two.</summary>
    public Command DiffCommand { get; }

    /// <summary>Brings the entries of programs back to what they were in <see cref="Selected"/>.</summary>
    public Command RestoreCommand { get; }

    private Task TakeAsync()
    {
        string? name = Name.Length == 0 ? null : Name;
        return Do(
            () =>
            {
                _engine.TakeSnapshot(name, "the user asked");
                return _engine.ListSnapshots();
            },
            all =>
            {
                Name = "";
                Show(all);
            });
    }

    private Task DiffAsync()
    {
        (ulong first, ulong second) = (Selected!.Id, Other?.Id ?? 0);
        return Do(
            () =>
            {
                using Snapshot before = _engine.OpenSnapshot(first), after = _engine.OpenSnapshot(second);
                return before.DiffTo(after);
            },
            changes =>
            {
                Changes.Clear();
                foreach (Change one in changes) Changes.Add(one);
            });
    }

    private Task RestoreAsync()
    {
        ulong id = Selected!.Id;
        return Do(
            () =>
            {
                _engine.RestoreSnapshot(id);
                return _engine.ListSnapshots();
            },
            Show);
    }

    private void Show(IReadOnlyList<SnapshotInfo> all)
    {
        ulong? selected = Selected?.Id, other = Other?.Id;
        All.Clear();
        foreach (SnapshotInfo one in all.Reverse()) All.Add(one);
        Selected = All.FirstOrDefault(one => one.Id == selected);
        Other = All.FirstOrDefault(one => one.Id == other);
    }
}
