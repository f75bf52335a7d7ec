namespace Aios.Presentation;

/// <summary>
/// Makes of any number of requests at most one call a frame, on a synchronization context. Whoever is called shows what is newest
/// then, so nothing is shown late: what came between was overtaken.
/// </summary>
public sealed class Coalescer : IDisposable
{
    /// <summary>A sixtieth of a second.</summary>
    public static readonly TimeSpan Frame = TimeSpan.FromSeconds(1) / 60;

    private readonly SynchronizationContext _ui;
    private readonly Action _show;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private readonly object _lock = new();
    private bool _isPending;
    private bool _isDisposed;
    private long _shown;
    private bool _wasShown;

    /// <summary>Calls a method on a synchronization context.</summary>
    public Coalescer(SynchronizationContext ui, Action show, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(ui);
        ArgumentNullException.ThrowIfNull(show);
        (_ui, _show, _clock) = (ui, show, clock ?? TimeProvider.System);
        _timer = _clock.CreateTimer(_ => Post(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>There is something to show. May be called by any thread, and takes no time.</summary>
    public void Request()
    {
        TimeSpan wait;
        lock (_lock)
        {
            if (_isPending || _isDisposed) return;
            _isPending = true;
            wait = _wasShown ? Frame - _clock.GetElapsedTime(_shown) : TimeSpan.Zero;
            // Timers count in milliseconds, and end early rather than late.
            if (wait > TimeSpan.Zero) _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
        if (wait <= TimeSpan.Zero) Post();
    }

    private void Post() => _ui.Post(_ => Show(), null);

    private void Show()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            // What comes from now on is shown by the next call: this one may have read what was before.
            _isPending = false;
            _shown = _clock.GetTimestamp();
            _wasShown = true;
        }
        _show();
    }

    /// <summary>Calls no more, but for a call that runs already.</summary>
    public void Dispose()
    {
        lock (_lock) _isDisposed = true;
        _timer.Dispose();
    }
}
