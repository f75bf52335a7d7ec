namespace Aios;

/// <summary>What a record is.</summary>
public enum RecordKind
{
    /// <summary>No record: so many are missing here.</summary>
    Gap = 0,
    /// <summary>Something happened to an environment: <see cref="EnvironmentEvent.TryDecode"/>.</summary>
    Event = 1,
    /// <summary>Figures of a program: <see cref="MetricFrame.TryRead"/>.</summary>
    Metrics = 2,
    /// <summary>Bytes of a kind that writer and reader agree on: the tag.</summary>
    Opaque = 3,
}

/// <summary>Where a reader begins.</summary>
public enum RingStart
{
    /// <summary>With the oldest record that is still there; what is no longer there is a gap.</summary>
    Oldest = 1,
    /// <summary>With what is appended from now on.</summary>
    Now = 2,
}

/// <summary>A record of the ring, or a gap: until the next call of its reader.</summary>
public readonly ref struct RingRecord
{
    /// <summary>What it is; a later version may have other kinds.</summary>
    public RecordKind Kind { get; internal init; }

    /// <summary>The tag that it was appended with.</summary>
    public ushort Tag { get; internal init; }

    /// <summary>Who appended it: a number that no other writer has meanwhile.</summary>
    public uint Writer { get; internal init; }

    /// <summary>When, in nanoseconds since 1970.</summary>
    public ulong TimeNanoseconds { get; internal init; }

    /// <summary>Its number among the records of its writer, from 0.</summary>
    public ulong Sequence { get; internal init; }

    /// <summary>Of a gap: how many records are missing.</summary>
    public ulong Missing { get; internal init; }

    /// <summary>What was appended: a copy that the reader owns.</summary>
    public ReadOnlySpan<byte> Bytes { get; internal init; }

    /// <summary>When.</summary>
    public DateTimeOffset Time => UnixTime.Of(TimeNanoseconds);
}
