using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Aios;

/// <summary>Seven figures.</summary>
[InlineArray(Length)]
public struct MetricValues
{
    /// <summary>How many there are.</summary>
    public const int Length = 7;

    private double _first;
}

/// <summary>Figures of a program, whose meaning is its own: 64 bytes, the same in every language.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MetricFrame
{
    /// <summary>Bytes of a frame.</summary>
    public const int Size = 64;

    /// <summary>The figures.</summary>
    public MetricValues Values;
    /// <summary>The flag: 0 or 1.</summary>
    public byte Flag;
    private readonly MetricPadding _padding;

    [InlineArray(7)]
    private struct MetricPadding
    {
        private byte _first;
    }

    /// <summary>Reads the bytes of a record. <c>false</c> when there are more or fewer, or the flag is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out MetricFrame frame)
    {
        frame = default;
        if (bytes.Length != Size || bytes[56] > 1) return false;
        frame = MemoryMarshal.Read<MetricFrame>(bytes);
        return true;
    }
}
