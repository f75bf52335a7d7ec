namespace Aios.Presentation;

/// <summary>All environments at one time.</summary>
/// <param name="Version">Counts what was published; 0 when nothing is.</param>
/// <param name="Environments">In the order they were published.</param>
/// <param name="IsPublished">Somebody keeps it up to date.</param>
/// <param name="Message">Why there is none; empty otherwise.</param>
public sealed record LiveState(ulong Version, IReadOnlyList<PythonEnvironment> Environments, bool IsPublished, string Message)
{
    /// <summary>Before anything was read.</summary>
    public static readonly LiveState None = new(0, [], false, "nothing was read yet");
}

/// <summary>Where view models have from what they show.</summary>
public interface ILiveSource : IDisposable
{
    /// <summary>There is a newer state, or there are events. Raised by any thread.</summary>
    event Action? Changed;

    /// <summary>The newest state.</summary>
    LiveState State { get; }

    /// <summary>The events that came since they were taken last, the oldest first. What nobody took in time is not kept.</summary>
    IReadOnlyList<EnvironmentEvent> TakeEvents();
}
