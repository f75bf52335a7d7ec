using System.Collections.Concurrent;
using Aios.Presentation;

namespace Aios.Tests;

/// <summary>The thread of a user interface: what is posted runs when the test says so.</summary>
internal sealed class Pump : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> _posted = [];

    internal int Calls { get; private set; }

    public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

    /// <summary>Runs all that is posted.</summary>
    internal void Drain()
    {
        while (_posted.TryTake(out (SendOrPostCallback Call, object? State) posted)) Run(posted);
    }

    /// <summary>Runs what is posted until a task ends.</summary>
    internal void RunUntil(Task task)
    {
        task.ContinueWith(_ => Post(_ => { }, null), TaskScheduler.Default);
        while (!task.IsCompleted) Run(_posted.Take());
        Drain();
        task.GetAwaiter().GetResult();
    }

    /// <summary>Runs what is posted until something is so.</summary>
    internal void RunUntil(Func<bool> isSo)
    {
        while (!isSo()) Run(_posted.Take());
    }

    private void Run((SendOrPostCallback Call, object? State) posted)
    {
        SynchronizationContext? before = Current;
        SetSynchronizationContext(this);
        try
        {
            Calls++;
            posted.Call(posted.State);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class Clock : TimeProvider
{
    private readonly List<Timer> _timers = [];
    private long _now = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    internal void Advance(TimeSpan by)
    {
        _now += by.Ticks;
        foreach (Timer timer in _timers.ToArray()) timer.RunIfDue(_now);
    }

    private sealed class Timer(Clock clock, TimerCallback callback, object? state) : ITimer
    {
        private long? _due;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? null : clock._now + dueTime.Ticks;
            return true;
        }

        internal void RunIfDue(long now)
        {
            if (_due > now || _due == null) return;
            _due = null;
            callback(state);
        }

        public void Dispose() => clock._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>A source that says what the test wants.</summary>
internal sealed class Told : ILiveSource
{
    private List<EnvironmentEvent> _events = [];

    public event Action? Changed;

    public LiveState State { get; private set; } = LiveState.None;

    internal bool IsDisposed { get; private set; }

    internal void Say(IReadOnlyList<PythonEnvironment> environments)
    {
        State = new LiveState(State.Version + 1, environments, true, "");
        Changed?.Invoke();
    }

    internal void Happened(EnvironmentEvent one)
    {
        _events.Add(one);
        Changed?.Invoke();
    }

    public IReadOnlyList<EnvironmentEvent> TakeEvents()
    {
        List<EnvironmentEvent> taken = _events;
        _events = [];
        return taken;
    }

    public void Dispose() => IsDisposed = true;
}
