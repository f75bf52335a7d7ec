namespace Aios;

/// <summary>What went wrong, as a number that keeps its meaning for ever: those of <c>aios_status</c>.</summary>
public enum AiosStatus
{
    /// <summary>It was done.</summary>
    Ok = 0,
    /// <summary>A defect of the library; handles stay valid.</summary>
    Panic = 1,
    /// <summary>A pointer is NULL that must not be.</summary>
    Null = 2,
    /// <summary>A handle is closed, of another type, or never was one.</summary>
    Handle = 3,
    /// <summary>A struct has a size that no version of the library knows.</summary>
    StructSize = 4,
    /// <summary>An argument is not possible.</summary>
    Argument = 5,
    /// <summary>What was asked for is not there.</summary>
    NotFound = 6,
    /// <summary>Another process writes, or repairs the same environment.</summary>
    Busy = 7,
    /// <summary>The system refused.</summary>
    Io = 8,
    /// <summary>What is stored or published is damaged, cut short, or of something else.</summary>
    Damaged = 9,
    /// <summary>A later version of aios wrote it.</summary>
    TooNew = 10,
    /// <summary>A file, folder or segment belongs to another user, or an entry to another store.</summary>
    Foreign = 11,
    /// <summary>There is no folder to remember things in.</summary>
    NoPlace = 12,
    /// <summary>What is asked for is not done: the environment is not one to repair, or it changed meanwhile.</summary>
    Refused = 13,
    /// <summary>A repair was interrupted, and is to be taken back or gone on with first.</summary>
    Interrupted = 14,
    /// <summary>It was cancelled; calls that take a token throw <see cref="OperationCanceledException"/> for it.</summary>
    Cancelled = 15,
    /// <summary>The native library is missing, or has another version of the interface than this assembly.</summary>
    Library = 1000,
}

/// <summary>The one exception of this assembly, but for wrong arguments and objects that were disposed.</summary>
public sealed class AiosException : Exception
{
    /// <summary>What went wrong.</summary>
    public AiosStatus Status { get; }

    /// <summary>What to do about it; empty when there is no advice.</summary>
    public string Hint { get; }

    internal AiosException(AiosStatus status, string message, string hint = "", Exception? inner = null)
        : base(hint.Length == 0 ? message : $"{message} (hint: {hint})", inner)
    {
        Status = status;
        Hint = hint;
    }
}
