using Aios.Native;

namespace Aios;

/// <summary>One who appends to the ring of a service. What it appended stays when it is disposed.</summary>
public sealed unsafe class RecordWriter : IDisposable
{
    private readonly NativeHandle _handle;

    internal RecordWriter(nint writer) => _handle = new NativeHandle(writer, &NativeMethods.aios_writer_close);

    /// <summary>Appends bytes, with the time that it is now.</summary>
    /// <param name="tag">What they are, in numbers that writer and reader agree on.</param>
    /// <param name="bytes">At most a tenth of the ring.</param>
    public void Append(ushort tag, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var native = new NativeBytes { Ptr = start, Len = (nuint)bytes.Length };
            NativeError.Check(NativeMethods.aios_writer_append(_handle.Value, tag, native));
        }
    }

    /// <summary>Appends figures, with the time that it is now.</summary>
    public void Append(in MetricFrame frame)
    {
        fixed (MetricFrame* start = &frame) NativeError.Check(NativeMethods.aios_writer_metrics(_handle.Value, start));
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _handle.Dispose();
}
