namespace Aios;

/// <summary>Counts what is open and must be disposed: tests look at it after each of them.</summary>
internal static class OpenHandles
{
    private static int _count;

    internal static int Count => Volatile.Read(ref _count);

    internal static void Opened() => Interlocked.Increment(ref _count);

    internal static void Closed() => Interlocked.Decrement(ref _count);
}
