using Aios.Native;

namespace Aios;

/// <summary>What is known of a snapshot.</summary>
/// <param name="Id">Its number: later ones have larger ones. 0 for the present state, and for an image.</param>
/// <param name="Parent">The snapshot that it came from; 0 for none.</param>
/// <param name="Time">When it was taken.</param>
/// <param name="Records">How many entries it has.</param>
/// <param name="Bytes">The sum of the sizes of what they stand for.</param>
/// <param name="Name">What its user calls it; <c>null</c> for none.</param>
/// <param name="Reason">Why it was taken; <c>null</c> for none.</param>
/// <param name="Hash">Of its content, in hexadecimal digits: the same for equal states of one store.</param>
public sealed record SnapshotInfo(
    ulong Id, ulong Parent, DateTimeOffset Time, ulong Records, ulong Bytes, string? Name, string? Reason, string Hash)
{
    internal static unsafe SnapshotInfo Of(in NativeSnapshotInfo info)
    {
        fixed (byte* hash = info.Hash)
        {
            return new SnapshotInfo(
                info.Id, info.Parent, UnixTime.OfMilliseconds(info.TimeMs), info.Records, info.Bytes,
                info.Name.OrNull(), info.Reason.OrNull(), Convert.ToHexString(new ReadOnlySpan<byte>(hash, 32)).ToLowerInvariant());
        }
    }
}

/// <summary>What a change is: the numbers of <c>aios_change_kind</c>.</summary>
public enum ChangeKind
{
    /// <summary>The environment is there that was not. What it holds is not listed.</summary>
    EnvironmentAppeared = 1,
    /// <summary>The environment is gone.</summary>
    EnvironmentGone = 2,
    /// <summary>A fact is another.</summary>
    Fact = 3,
    /// <summary>A distribution is there that was not.</summary>
    DistributionAdded = 4,
    /// <summary>A distribution is gone.</summary>
    DistributionRemoved = 5,
    /// <summary>A distribution is of another version.</summary>
    DistributionVersion = 6,
    /// <summary>A distribution of the same version has other files.</summary>
    DistributionFiles = 7,
    /// <summary>A package of conda is there that was not.</summary>
    CondaAdded = 8,
    /// <summary>A package of conda is gone.</summary>
    CondaRemoved = 9,
    /// <summary>A file or link of no distribution is there that was not.</summary>
    FileAdded = 10,
    /// <summary>Such a file is gone.</summary>
    FileRemoved = 11,
    /// <summary>Such a file is another.</summary>
    FileChanged = 12,
    /// <summary>Something is wrong that was not: the name is the code.</summary>
    FindingAppeared = 13,
    /// <summary>Something is not wrong any more: the name is the code.</summary>
    FindingGone = 14,
    /// <summary>An entry of another program is there that was not.</summary>
    EntryAdded = 15,
    /// <summary>Such an entry is gone.</summary>
    EntryRemoved = 16,
    /// <summary>Such an entry is another.</summary>
    EntryChanged = 17,
}

/// <summary>One thing that differs between two snapshots.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Prefix">The environment; <c>null</c> for entries of other programs.</param>
/// <param name="Name">Of what it is: see the kind.</param>
/// <param name="Before">What it was; <c>null</c> when it was not there.</param>
/// <param name="After">What it is; <c>null</c> when it is gone.</param>
/// <param name="Keys">The keys of an entry, below `context`.</param>
/// <param name="Count">Of files: how many.</param>
public sealed record Change(
    ChangeKind Kind, string? Prefix, string? Name, string? Before, string? After, IReadOnlyList<string> Keys, ulong Count);

/// <summary>A value of the context.</summary>
/// <param name="Tag">What it is, for whoever put it.</param>
/// <param name="Bytes">What was put: a copy.</param>
public sealed record ContextValue(int Tag, byte[] Bytes);

/// <summary>A state of the context. It outlives the engine, and never changes.</summary>
public sealed unsafe class Snapshot : IDisposable
{
    private readonly NativeHandle _handle;

    internal Snapshot(nint snapshot) => _handle = new NativeHandle(snapshot, &NativeMethods.aios_snapshot_close);

    /// <summary>Opens what <see cref="Export"/> made. The bytes are copied, and checked as they are read.</summary>
    public static Snapshot OfImage(ReadOnlySpan<byte> image)
    {
        AiosLibrary.Load();
        nint snapshot;
        fixed (byte* bytes = image)
            NativeError.Check(NativeMethods.aios_snapshot_of_image(new NativeBytes { Ptr = bytes, Len = (nuint)image.Length }, &snapshot));
        return new Snapshot(snapshot);
    }

    /// <summary>What is known of it.</summary>
    public SnapshotInfo Info
    {
        get
        {
            var info = new NativeSnapshotInfo { StructSize = (nuint)sizeof(NativeSnapshotInfo) };
            NativeError.Check(NativeMethods.aios_snapshot_about(_handle.Value, &info));
            return SnapshotInfo.Of(info);
        }
    }

    /// <summary>The environments as they were then, with their findings.</summary>
    public Inspection Environments()
    {
        nint environments;
        NativeError.Check(NativeMethods.aios_snapshot_environments(_handle.Value, &environments));
        return Inspection.Take(environments);
    }

    /// <summary>The value that keys lead to; <c>null</c> when there is none.</summary>
    public ContextValue? Get(params string[] keys)
    {
        using var arguments = new NativeArguments();
        var value = new NativeValue { StructSize = (nuint)sizeof(NativeValue) };
        AiosStatus status = NativeMethods.aios_snapshot_get(_handle.Value, arguments.Keys(keys), (nuint)keys.Length, &value);
        return NativeError.IsFound(status) ? new ContextValue(value.Tag, value.Bytes.Span.ToArray()) : null;
    }

    /// <summary>What it takes to make another one, a later one mostly, of this one. Both are of one store.</summary>
    public IReadOnlyList<Change> DiffTo(Snapshot after)
    {
        ArgumentNullException.ThrowIfNull(after);
        nint changes;
        NativeError.Check(NativeMethods.aios_snapshot_diff(_handle.Value, after._handle.Value, &changes));
        using var list = new NativeHandle(changes, &NativeMethods.aios_changes_close);
        nuint count;
        NativeError.Check(NativeMethods.aios_changes_count(list.Value, &count));
        var all = new Change[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var change = new NativeChange { StructSize = (nuint)sizeof(NativeChange) };
            NativeError.Check(NativeMethods.aios_changes_get(list.Value, index, &change));
            var keys = new string[checked((int)change.KeyCount)];
            for (int key = 0; key < keys.Length; key++) keys[key] = System.Text.Encoding.UTF8.GetString(change.Keys[key].Span);
            all[(int)index] = new Change(
                (ChangeKind)change.Kind, change.Prefix.OrNull(), change.Name.OrNull(), change.Before.OrNull(), change.After.OrNull(),
                keys, change.Count);
        }
        return all;
    }

    /// <summary>It as one run of bytes, to be kept or sent anywhere.</summary>
    public byte[] Export()
    {
        nint image;
        NativeError.Check(NativeMethods.aios_snapshot_export(_handle.Value, &image));
        using var blob = new NativeHandle(image, &NativeMethods.aios_blob_close);
        NativeBytes bytes;
        NativeError.Check(NativeMethods.aios_blob_bytes(blob.Value, &bytes));
        return bytes.Span.ToArray();
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _handle.Dispose();
}
