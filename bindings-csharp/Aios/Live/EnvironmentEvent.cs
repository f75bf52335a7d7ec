using System.Buffers.Binary;
using System.Text;

namespace Aios;

/// <summary>What happened.</summary>
public enum EventKind
{
    /// <summary>An environment that was not there.</summary>
    Appeared = 1,
    /// <summary>Its record or its findings are others than before.</summary>
    Changed = 2,
    /// <summary>It is no longer there.</summary>
    Gone = 3,
    /// <summary>A repair of it ended.</summary>
    Repaired = 4,
    /// <summary>The context was kept.</summary>
    SnapshotTaken = 5,
    /// <summary>Something could not be looked at.</summary>
    Problem = 6,
}

/// <summary>Something that happened to an environment.</summary>
public sealed record EnvironmentEvent
{
    private const int FixedBytes = 24;
    private const byte Layout = 1;

    private EnvironmentEvent(string path, string text, IReadOnlyList<string> codes)
    {
        (Path, Text, Codes) = (path, text, codes);
    }

    /// <summary>What happened.</summary>
    public EventKind Kind { get; private init; }

    /// <summary>The identity of the environment; <c>null</c> for snapshots, and problems of other places.</summary>
    public string? Environment { get; private init; }

    /// <summary>Its prefix, or the place of a problem; empty for none.</summary>
    public string Path { get; }

    /// <summary>What it was.</summary>
    public Health Before { get; private init; }

    /// <summary>What it is.</summary>
    public Health After { get; private init; }

    /// <summary>A sentence for people; may be empty.</summary>
    public string Text { get; }

    /// <summary>The codes of its findings.</summary>
    public IReadOnlyList<string> Codes { get; }

    /// <summary>When, by the record that it came in.</summary>
    public DateTimeOffset Time { get; private init; }

    /// <summary>Takes the bytes of a record apart. <c>false</c> when it is no event, or one of a later layout.</summary>
    public static bool TryDecode(in RingRecord record, out EnvironmentEvent? found)
    {
        found = null;
        ReadOnlySpan<byte> bytes = record.Bytes;
        if (record.Kind != RecordKind.Event || bytes.Length < FixedBytes || bytes[0] != Layout) return false;
        if (bytes[1] is < 1 or > 6 || bytes[2] > 3 || bytes[3] > 3) return false;
        uint path = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        uint text = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (FixedBytes + (ulong)bytes[4] + path + text > (ulong)bytes.Length) return false;
        ReadOnlySpan<byte> rest = bytes[FixedBytes..];
        string id = Take(ref rest, bytes[4]), place = Take(ref rest, (int)path), said = Take(ref rest, (int)text);
        var codes = new string[bytes[5]];
        for (int code = 0; code < codes.Length; code++)
        {
            if (rest.IsEmpty || rest[0] > rest.Length - 1) return false;
            int length = rest[0];
            rest = rest[1..];
            codes[code] = Take(ref rest, length);
        }
        found = new EnvironmentEvent(place, said, codes)
        {
            Kind = (EventKind)bytes[1],
            Environment = id.Length == 0 ? null : id,
            Before = (Health)bytes[2],
            After = (Health)bytes[3],
            Time = record.Time,
        };
        return true;
    }

    private static string Take(ref ReadOnlySpan<byte> rest, int length)
    {
        string text = Encoding.UTF8.GetString(rest[..length]);
        rest = rest[length..];
        return text;
    }
}
