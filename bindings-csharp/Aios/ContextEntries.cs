using Aios.Native;

namespace Aios;

/// <summary>
/// Entries of programs in the context: keys, one for each level, lead to bytes. They are in every snapshot, and come back with
/// it. What is put is durable, and seen by others, when <see cref="Commit"/> returns.
/// </summary>
public readonly unsafe struct ContextEntries
{
    private readonly NativeHandle _engine;

    internal ContextEntries(NativeHandle engine) => _engine = engine;

    private nint Handle => (_engine ?? throw new InvalidOperationException("`Engine.Context` has the entries")).Value;

    /// <summary>Puts an entry, in the place of one that is there.</summary>
    /// <param name="tag">What the bytes are, in numbers of the caller's own.</param>
    /// <param name="value">The bytes, which are copied.</param>
    /// <param name="keys">Where: one key for each level.</param>
    public void Put(ushort tag, ReadOnlySpan<byte> value, params string[] keys)
    {
        using var arguments = new NativeArguments();
        fixed (byte* bytes = value)
        {
            var native = new NativeBytes { Ptr = bytes, Len = (nuint)value.Length };
            NativeError.Check(NativeMethods.aios_context_put(Handle, arguments.Keys(keys), (nuint)keys.Length, tag, native));
        }
    }

    /// <summary>The entry: what was put with this engine last, else what is committed; <c>null</c> when there is none.</summary>
    public ContextValue? Get(params string[] keys)
    {
        using var arguments = new NativeArguments();
        nint value;
        if (!NativeError.IsFound(NativeMethods.aios_context_get(Handle, arguments.Keys(keys), (nuint)keys.Length, &value))) return null;
        using var blob = new NativeHandle(value, &NativeMethods.aios_blob_close);
        NativeBytes bytes;
        ushort tag;
        NativeError.Check(NativeMethods.aios_blob_bytes(blob.Value, &bytes));
        NativeError.Check(NativeMethods.aios_blob_tag(blob.Value, &tag));
        return new ContextValue(tag, bytes.Span.ToArray());
    }

    /// <summary>Removes an entry, or all that begin with these keys. That there is none is fine.</summary>
    public void Remove(params string[] keys)
    {
        using var arguments = new NativeArguments();
        NativeError.Check(NativeMethods.aios_context_remove(Handle, arguments.Keys(keys), (nuint)keys.Length));
    }

    /// <summary>Makes what was put and removed with this engine durable, all of it or nothing.</summary>
    public void Commit() => NativeError.Check(NativeMethods.aios_context_commit(Handle));

    /// <summary>Forgets what was put and removed with this engine and is not committed.</summary>
    public void Discard() => NativeError.Check(NativeMethods.aios_context_discard(Handle));
}
