using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Aios;

/// <summary>
/// A state that is pinned: environments, their findings and problems, read in place until it is disposed. Whatever stands in
/// it, nothing outside of it is read: a record that leads out is <see cref="AiosStatus.Damaged"/>.
/// </summary>
public readonly ref struct PinnedState
{
    private readonly PublishedState _state;
    private readonly int _pin;
    private readonly int _turn;
    private readonly StateBytes _bytes;

    internal PinnedState(PublishedState state, int pin, int turn, ulong version, ReadOnlySpan<byte> bytes)
    {
        (_state, _pin, _turn, Version) = (state, pin, turn, version);
        _bytes = StateBytes.Of(bytes);
    }

    /// <summary>Of the state: see <see cref="PublishedState.Version"/>.</summary>
    public ulong Version { get; }

    /// <summary>How many environments there are.</summary>
    public int Count => Bytes.CountOf(StateBytes.Environments);

    /// <summary>The environment at an index from 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not as many.</exception>
    public EnvironmentRecord this[int index]
    {
        get
        {
            StateBytes bytes = Bytes;
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)bytes.CountOf(StateBytes.Environments));
            return new EnvironmentRecord(bytes, bytes.EntryAt(StateBytes.Environments, (uint)index));
        }
    }

    /// <summary>How many things could not be looked at.</summary>
    public int ProblemCount => Bytes.CountOf(StateBytes.Problems);

    /// <summary>What could not be looked at, by an index from 0.</summary>
    public ProblemRecord Problem(int index)
    {
        StateBytes bytes = Bytes;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)bytes.CountOf(StateBytes.Problems));
        int at = bytes.EntryAt(StateBytes.Problems, (uint)index);
        return new ProblemRecord(bytes.Text(at), bytes.Text(at + 8));
    }

    /// <summary>When the environments were last looked at.</summary>
    public DateTimeOffset Time => UnixTime.Of(Bytes.Long(24));

    /// <summary>The snapshot that remembers them; 0 for none.</summary>
    public ulong Snapshot => Bytes.Long(32);

    /// <summary>How many environments are healthy.</summary>
    public uint Healthy => Bytes.Word(96);

    /// <summary>How many environments work and have something odd.</summary>
    public uint Warning => Bytes.Word(100);

    /// <summary>How many environments are broken.</summary>
    public uint Broken => Bytes.Word(104);

    /// <summary>The version of aios that published it.</summary>
    public Utf8Text Engine => Bytes.Text(112);

    /// <summary>Whether the bytes are those that were published, by their checksum. Reads all of them.</summary>
    public bool IsWhole => Bytes.Checksum() == Bytes.Word(12);

    /// <summary>For <c>foreach</c>.</summary>
    public Enumerator GetEnumerator() => new(this);

    private StateBytes Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(_state == null || !_state.IsHeld(_pin, _turn), typeof(PinnedState));
            return _bytes;
        }
    }

    /// <summary>Unpins it: the service may use the memory again. What was read of it in place is nothing any more.</summary>
    public void Dispose() => _state?.Unpin(_pin, _turn);

    /// <summary>Goes through the environments.</summary>
    public ref struct Enumerator
    {
        private readonly PinnedState _of;
        private readonly int _count;
        private int _index;

        internal Enumerator(PinnedState of)
        {
            _of = of;
            _count = of.Count;
            _index = -1;
        }

        /// <summary>The environment.</summary>
        public readonly EnvironmentRecord Current => _of[_index];

        /// <summary>Goes to the next one, if there is one.</summary>
        public bool MoveNext() => ++_index < _count;
    }
}

/// <summary>The bytes of a state: a header and arrays of records, of sizes that the header says.</summary>
internal readonly ref struct StateBytes
{
    internal const int Environments = 0;
    internal const int Findings = 1;
    internal const int Problems = 2;
    internal const int Texts = 3;

    internal const int HeaderBytes = 128;
    internal const int EnvironmentBytes = 184;
    internal const int FindingBytes = 64;
    internal const int ProblemBytes = 16;
    internal const int TextBytes = 8;

    private readonly ReadOnlySpan<byte> _bytes;

    private StateBytes(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    internal static StateBytes Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || !bytes[..8].SequenceEqual("AIOSENVS"u8)) throw Damaged("it begins otherwise");
        var found = new StateBytes(bytes);
        if (found.Word(8) != 1)
            throw new AiosException(AiosStatus.TooNew, $"what is published has layout {found.Word(8)}, and this program reads 1");
        if (found.Long(16) != (ulong)bytes.Length) throw Damaged("its length is another one");
        uint heap = found.Word(88);
        if (heap < HeaderBytes || (ulong)heap + found.Word(92) > (ulong)bytes.Length) throw Damaged("its strings are not in it");
        ReadOnlySpan<int> least = [EnvironmentBytes, FindingBytes, ProblemBytes, TextBytes];
        for (int array = 0; array < least.Length; array++)
        {
            (uint at, uint count, uint stride) = found.Array(array);
            if (stride < least[array] || at + (ulong)count * stride > (ulong)bytes.Length)
                throw Damaged("an array is not in it");
        }
        return found;
    }

    internal static AiosException Damaged(string what) =>
        new(AiosStatus.Damaged, $"what is published is no state of environments: {what}");

    private (uint At, uint Count, uint Stride) Array(int array)
    {
        int at = 40 + array * 12;
        return (Word(at), Word(at + 4), Word(at + 8));
    }

    internal int CountOf(int array) => (int)Array(array).Count;

    /// <summary>The header was checked: an index below the count is in it.</summary>
    internal int EntryAt(int array, uint index)
    {
        (uint at, uint count, uint stride) = Array(array);
        if (index >= count) throw Damaged("a record leads out of it");
        return (int)(at + index * stride);
    }

    internal uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[at..]);

    internal ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[at..]);

    internal byte Byte(int at) => _bytes[at];

    internal ReadOnlySpan<byte> Slice(int at, int length) => _bytes.Slice(at, length);

    /// <summary>The text that two numbers at a place lead to.</summary>
    internal Utf8Text Text(int at)
    {
        uint offset = Word(at), length = Word(at + 4);
        if (offset == 0) return new Utf8Text(default, isAbsent: true);
        uint heap = Word(88);
        if (offset < heap || (ulong)offset + length > (ulong)heap + Word(92)) throw Damaged("a text is not in it");
        return new Utf8Text(_bytes.Slice((int)offset, (int)length), isAbsent: false);
    }

    /// <summary>The run of entries that two numbers at a place lead to.</summary>
    internal (uint First, uint Count) Run(int at, int array)
    {
        (uint first, uint count) = (Word(at), Word(at + 4));
        if ((ulong)first + count > (ulong)CountOf(array)) throw Damaged("a record leads out of it");
        return (first, count);
    }

    /// <summary>CRC-32C of what follows the checksum.</summary>
    internal uint Checksum()
    {
        uint sum = uint.MaxValue;
        ReadOnlySpan<byte> rest = _bytes[16..];
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(rest)) sum = BitOperations.Crc32C(sum, word);
        foreach (byte one in rest[(rest.Length / 8 * 8)..]) sum = BitOperations.Crc32C(sum, one);
        return ~sum;
    }
}

/// <summary>Times as nanoseconds since 1970.</summary>
internal static class UnixTime
{
    private static readonly ulong MostTicks = (ulong)(DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks;

    internal static DateTimeOffset Of(ulong nanoseconds) => OfTicks(nanoseconds / 100);

    internal static DateTimeOffset OfMilliseconds(ulong milliseconds) =>
        OfTicks(Math.Min(milliseconds, MostTicks / TimeSpan.TicksPerMillisecond) * TimeSpan.TicksPerMillisecond);

    private static DateTimeOffset OfTicks(ulong ticks) => DateTimeOffset.UnixEpoch.AddTicks((long)Math.Min(ticks, MostTicks));
}
