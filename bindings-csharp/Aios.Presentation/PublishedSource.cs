namespace Aios.Presentation;

/// <summary>
/// Follows what `aios serve` publishes for a place, in a thread of its own: reads when there is news, and looks for a service
/// that is started later or again.
/// </summary>
public sealed class PublishedSource : ILiveSource
{
    private const int MostEvents = 1000;
    private static readonly TimeSpan Pause = Coalescer.Frame;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);

    private readonly Func<Place> _place;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _ended = new();
    private readonly object _lock = new();
    private LiveState _newest = LiveState.None;
    private List<EnvironmentEvent> _events = [];

    /// <summary>Follows a place, or <see cref="Place.Current"/>.</summary>
    public PublishedSource(Place? place = null)
    {
        _place = () => place ?? Place.Current();
        _thread = new Thread(Follow) { IsBackground = true, Name = "aios: what is published" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public LiveState State
    {
        get
        {
            lock (_lock) return _newest;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<EnvironmentEvent> TakeEvents()
    {
        lock (_lock)
        {
            List<EnvironmentEvent> taken = _events;
            _events = [];
            return taken;
        }
    }

    private void Follow()
    {
        while (!_ended.IsSet)
        {
            try
            {
                FollowService();
            }
            catch (Exception error) when (error is AiosException or IOException or UnauthorizedAccessException or PlatformNotSupportedException)
            {
                Show(State with { IsPublished = false, Message = error.Message });
            }
            _ended.Wait(BetweenTries);
        }
    }

    /// <summary>Until the service ends.</summary>
    private void FollowService()
    {
        Place place = _place();
        using PublishedState state = PublishedState.Open(place);
        using RingReader ring = RingReader.Open(place, RingStart.Now);
        ulong shown = 0;
        for (DateTime looked = default; !_ended.Wait(Pause);)
        {
            // Before what is read: what was published last is seen.
            bool isLast = state.IsClosed || ring.IsClosed;
            if (state.Version is var version && version != shown) shown = ShowState(state);
            ShowEvents(ring);
            if (!isLast && DateTime.UtcNow - looked < BetweenTries) continue;
            looked = DateTime.UtcNow;
            if (isLast || !state.IsPublished) throw new IOException("the service ended: this is what it published last");
        }
    }

    private ulong ShowState(PublishedState state)
    {
        using PinnedState pinned = state.Pin();
        var all = new PythonEnvironment[pinned.Count];
        for (int index = 0; index < all.Length; index++) all[index] = PythonEnvironment.Of(pinned[index]);
        Show(new LiveState(pinned.Version, all, true, ""));
        return pinned.Version;
    }

    private void ShowEvents(RingReader ring)
    {
        int before, after;
        lock (_lock)
        {
            before = _events.Count;
            while (ring.NextEvent() is { } one) _events.Add(one);
            after = _events.Count;
            if (after > MostEvents) _events.RemoveRange(0, after - MostEvents);
        }
        if (after != before) Changed?.Invoke();
    }

    private void Show(LiveState state)
    {
        lock (_lock)
        {
            if (_newest == state) return;
            _newest = state;
        }
        Changed?.Invoke();
    }

    /// <summary>Ends it, and waits for its thread.</summary>
    public void Dispose()
    {
        _ended.Set();
        if (_thread != Thread.CurrentThread) _thread.Join();
    }
}
