using System.Buffers.Binary;

namespace Aios;

/// <summary>Sizes and places of a ring, checked once: what is made of them is inside of the memory.</summary>
internal readonly record struct RingShape(long ChunkBytes, long ChunkCount, long Data)
{
    internal const int Rows = 64;
    internal const int HeadAt = 128;
    internal const int TableAt = 4096;
    internal const int DirectoryAt = 8192;

    internal static RingShape Of(Segment ring)
    {
        ulong chunks = ring.Read(64);
        long bytes = (uint)chunks, count = (uint)(chunks >> 32);
        bool isOne = bytes is >= 4 << 10 and <= 16 << 20 && (bytes & bytes - 1) == 0 && count is >= 4 and <= 1 << 16;
        long data = (DirectoryAt + 8 * count + 0xffff) / 0x10000 * 0x10000;
        if (!isOne || ring.Read(72) != Rows || ring.Read(80) != (ulong)data || data + bytes * count != ring.Length)
            throw ring.Damaged("has a shape that no ring has");
        return new RingShape(bytes, count, data);
    }

    /// <summary>The longest record: a tenth of the buffer.</summary>
    internal long Longest => ChunkBytes * ChunkCount / 10;

    internal long ChunkAt(ulong number) => Data + (long)(number % (ulong)ChunkCount) * ChunkBytes;

    /// <summary>Laps count from 1; one that is too large is none.</summary>
    internal uint LapOf(ulong number) => (uint)Math.Min(number / (ulong)ChunkCount + 1, uint.MaxValue);
}

/// <summary>
/// The records of one writer: its chunks in order, copied one after the other, taken apart, and pieces put together.
/// Copies grow to the size of a chunk, and are used again.
/// </summary>
internal sealed class RingStream(uint writer, ulong? expected)
{
    private const int ChunkHeaderBytes = 64;
    private const int RecordHeaderBytes = 24;
    private const int PieceHeaderBytes = 8;
    private const int First = 1;
    private const int Last = 2;

    /// <summary>The sequence of the next record; <c>null</c> where it is not known.</summary>
    private ulong? _expected = expected;
    private ulong? _chunk;
    private long _copied = ChunkHeaderBytes;
    private readonly List<ulong> _later = [];
    private ulong? _known;
    private byte[] _copy = [];
    private int _copyLength;
    private int _at;
    private int _start;
    private int _end;
    private readonly List<byte> _pieces = [];
    private byte[] _joined = [];
    private (ulong Sequence, uint Length)? _whole;

    internal uint Writer { get; } = writer;

    /// <summary>Whether the last look found a chunk of the writer.</summary>
    internal bool InDirectory { get; set; }

    /// <summary>Whether a record is at hand, and of that: when, and its number.</summary>
    internal bool HasHead { get; private set; }

    internal ulong Time { get; private set; }

    internal ulong Sequence { get; private set; }

    internal byte Kind { get; private set; }

    internal ushort Tag { get; private set; }

    private byte _flags;

    internal bool IsEmpty => !HasHead && _later.Count == 0;

    /// <summary>Adds a chunk that was found, unless it is known; <see cref="Sort"/> follows after all of them.</summary>
    internal void Add(ulong number)
    {
        if (_known == null || number > _known) _later.Add(number);
    }

    internal void Sort()
    {
        if (_later.Count == 0) return;
        _later.Sort();
        _known = Math.Max(_known ?? 0, _later[^1]);
    }

    /// <summary>Goes to the end of what is committed now.</summary>
    internal void PassOver(Segment ring, in RingShape shape)
    {
        if (_later.Count == 0) return;
        ulong newest = _later[^1];
        _later.Clear();
        _chunk = newest;
        ulong word = ring.Read(shape.ChunkAt(newest));
        uint bytes = (uint)word;
        if ((uint)(word >> 32) == shape.LapOf(newest) && bytes <= shape.ChunkBytes && bytes % 8 == 0)
            _copied = Math.Max(bytes, ChunkHeaderBytes);
    }

    internal bool IsMissingBefore(ulong count) => _expected < count;

    /// <summary>How many records before a number are missing at the end; they are not missed again.</summary>
    internal ulong LostBefore(ulong count)
    {
        if (_expected is not { } next || next >= count) return 0;
        _expected = count;
        _whole = null;
        return count - next;
    }

    /// <summary>Copies what is new, where all that was copied before was given.</summary>
    internal void Fill(Segment ring, in RingShape shape, ref ulong damaged)
    {
        while (!HasHead)
        {
            if (_chunk == null && !EnterNextChunk()) return;
            // Its end was said before the next chunk was taken: what is new now is all there will be.
            if (CopyChunk(ring, shape, ref damaged)) Parse(ref damaged);
            else if (!EnterNextChunk()) return;
        }
    }

    private bool EnterNextChunk()
    {
        if (_later.Count == 0) return false;
        _chunk = _later[0];
        _later.RemoveAt(0);
        _copied = ChunkHeaderBytes;
        return true;
    }

    private bool CopyChunk(Segment ring, in RingShape shape, ref ulong damaged)
    {
        (_at, _copyLength) = (0, 0);
        if (_chunk is not { } number) return false;
        long start = shape.ChunkAt(number);
        uint lap = shape.LapOf(number);
        ulong word = ring.Read(start);
        uint bytes = (uint)word;
        if ((uint)(word >> 32) != lap || bytes <= _copied) return false;
        if (bytes > shape.ChunkBytes || bytes % 8 != 0)
        {
            damaged++;
            // Nothing more is read of this chunk.
            _copied = long.MaxValue;
            return false;
        }
        int length = (int)(bytes - _copied);
        if (_copy.Length < length) _copy = new byte[Math.Max(length, 4096)];
        ring.Bytes(start + _copied, length).CopyTo(_copy);
        // The copy is done before the lap is looked at once more.
        Interlocked.MemoryBarrier();
        if ((uint)(ring.Read(start) >> 32) != lap) return false;
        _copied = bytes;
        _copyLength = length;
        return true;
    }

    /// <summary>Takes the next record apart. What cannot be one makes the rest of the copy none.</summary>
    private void Parse(ref ulong damaged)
    {
        HasHead = false;
        if (_at >= _copyLength) return;
        ReadOnlySpan<byte> rest = _copy.AsSpan(_at.._copyLength);
        if (rest.Length < RecordHeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(rest) is var length && length > rest.Length - RecordHeaderBytes)
        {
            damaged++;
            _at = _copyLength;
            return;
        }
        (Kind, _flags, Tag) = (rest[4], rest[5], BinaryPrimitives.ReadUInt16LittleEndian(rest[6..]));
        Time = BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]);
        Sequence = BinaryPrimitives.ReadUInt64LittleEndian(rest[16..]);
        _start = _at + RecordHeaderBytes;
        _end = _start + (int)length;
        _at = _start + ((int)length + 7) / 8 * 8;
        HasHead = true;
    }

    /// <summary>Gives the record at hand, or a gap before it; <c>false</c> for a piece of one that is not whole yet.</summary>
    internal bool Step(in RingShape shape, ref ulong damaged, out RingRecord record)
    {
        if (_expected is { } next && Sequence > next)
        {
            _expected = Sequence;
            _whole = null;
            record = new RingRecord { Kind = RecordKind.Gap, Writer = Writer, Missing = Sequence - next };
            return true;
        }
        ReadOnlySpan<byte> bytes;
        if (_flags == (First | Last)) bytes = _copy.AsSpan(_start.._end);
        else if (Join(shape.Longest, ref damaged)) bytes = _joined.AsSpan(0, _pieces.Count);
        else
        {
            record = default;
            Parse(ref damaged);
            return false;
        }
        _expected = Sequence == ulong.MaxValue ? Sequence : Sequence + 1;
        record = new RingRecord
        {
            Kind = (RecordKind)Kind,
            Tag = Tag,
            Writer = Writer,
            TimeNanoseconds = Time,
            Sequence = Sequence,
            Bytes = bytes,
        };
        // The copy stays until it was all given.
        Parse(ref damaged);
        return true;
    }

    /// <summary>Adds a piece to those before it. Whether it was the last one.</summary>
    private bool Join(long longest, ref ulong damaged)
    {
        ReadOnlySpan<byte> piece = _copy.AsSpan(_start.._end);
        if (piece.Length < PieceHeaderBytes)
        {
            damaged++;
            return false;
        }
        uint at = BinaryPrimitives.ReadUInt32LittleEndian(piece);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(piece[4..]);
        piece = piece[PieceHeaderBytes..];
        if ((_flags & First) != 0 && at == 0 && length <= longest)
        {
            _pieces.Clear();
            _whole = (Sequence, length);
        }
        // The pieces before it may be gone, which is a gap when the next record comes.
        if (_whole != (Sequence, length) || at != _pieces.Count)
        {
            _whole = null;
            return false;
        }
        if (piece.Length > length - at)
        {
            damaged++;
            _whole = null;
            return false;
        }
        CollectionExtensions.AddRange(_pieces, piece);
        if ((_flags & Last) == 0) return false;
        _whole = null;
        if (_pieces.Count != length) return false;
        if (_joined.Length < _pieces.Count) _joined = new byte[_pieces.Count];
        _pieces.CopyTo(_joined);
        return true;
    }
}
