using System.Runtime.InteropServices;

namespace Aios.Native;

/// <summary>
/// Owns a handle of the library, and closes it once. The library knows closed handles and keeps what is in use: so a
/// handle that is disposed by one thread while another calls is a status, never a crash.
/// </summary>
internal sealed unsafe class NativeHandle : SafeHandle
{
    private readonly delegate*<nint, AiosStatus> _close;

    internal NativeHandle(nint handle, delegate*<nint, AiosStatus> close) : base(0, ownsHandle: true)
    {
        _close = close;
        SetHandle(handle);
        OpenHandles.Opened();
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>To be given to the library.</summary>
    internal nint Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    protected override bool ReleaseHandle()
    {
        OpenHandles.Closed();
        return _close(handle) == AiosStatus.Ok;
    }
}

/// <summary>Texts, paths and bytes of one call, in memory that stays where it is until it is disposed.</summary>
internal sealed unsafe class NativeArguments : IDisposable
{
    private readonly List<nint> _memory = [];

    /// <summary>Absent for <c>null</c>.</summary>
    internal NativeStr Text(string? text) => text == null ? default : Path(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>A path as the system has it.</summary>
    internal NativeStr Path(ReadOnlySpan<byte> bytes) => new() { Ptr = Copy(bytes), Len = (nuint)bytes.Length };

    internal NativeBytes Bytes(ReadOnlySpan<byte> bytes) => new() { Ptr = Copy(bytes), Len = (nuint)bytes.Length };

    internal NativeStr* Texts(IReadOnlyList<string>? texts)
    {
        if (texts == null || texts.Count == 0) return null;
        var all = (NativeStr*)Allocate(texts.Count * sizeof(NativeStr));
        for (int index = 0; index < texts.Count; index++) all[index] = Text(texts[index]);
        return all;
    }

    /// <summary>Keys, one for each level.</summary>
    internal NativeBytes* Keys(IReadOnlyList<string> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count == 0) return null;
        var all = (NativeBytes*)Allocate(keys.Count * sizeof(NativeBytes));
        for (int index = 0; index < keys.Count; index++) all[index] = Bytes(System.Text.Encoding.UTF8.GetBytes(keys[index]));
        return all;
    }

    private byte* Copy(ReadOnlySpan<byte> bytes)
    {
        // One more, since an empty text is not an absent one.
        var memory = (byte*)Allocate(bytes.Length + 1);
        bytes.CopyTo(new Span<byte>(memory, bytes.Length));
        return memory;
    }

    private void* Allocate(int bytes)
    {
        void* memory = NativeMemory.AllocZeroed((nuint)bytes);
        _memory.Add((nint)memory);
        return memory;
    }

    public void Dispose()
    {
        foreach (nint memory in _memory) NativeMemory.Free((void*)memory);
        _memory.Clear();
    }
}
