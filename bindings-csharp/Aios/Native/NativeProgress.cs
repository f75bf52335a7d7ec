namespace Aios.Native;

/// <summary>What a call is cancelled by, from another thread.</summary>
internal sealed unsafe class NativeProgress : IDisposable
{
    private readonly NativeHandle _handle;

    internal NativeProgress()
    {
        nint progress;
        NativeError.Check(NativeMethods.aios_progress_open(&progress));
        _handle = new NativeHandle(progress, &NativeMethods.aios_progress_close);
    }

    internal nint Value => _handle.Value;

    /// <summary>
    /// Until what is returned is disposed, which waits for a cancel that is under way: the handle is not closed meanwhile.
    /// </summary>
    internal CancellationTokenRegistration CancelledBy(CancellationToken cancellation) =>
        cancellation.Register(() => NativeMethods.aios_progress_cancel(Value));

    public void Dispose() => _handle.Dispose();
}
