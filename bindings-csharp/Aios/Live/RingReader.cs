using System.Runtime.CompilerServices;

namespace Aios;

/// <summary>
/// Reads the ring of `aios serve`: events of environments, figures and bytes of programs, those of all writers in the order of
/// time. It calls nobody and holds nobody up; who is too slow gets gaps. For one thread at a time.
/// </summary>
/// <remarks>On Linux and Windows, without a native library.</remarks>
public sealed class RingReader : IDisposable
{
    private static readonly TimeSpan UsualPause = TimeSpan.FromMilliseconds(10);

    private readonly Segment _ring;
    private readonly RingShape _shape;
    private readonly List<RingStream> _streams = [];
    /// <summary>How many records each writer said it had appended, before the directory was read.</summary>
    private readonly List<(uint Writer, ulong Count)> _counts = [];
    private bool _passingOver;
    private ulong _damaged;

    private RingReader(Segment ring, RingStart start)
    {
        _ring = ring;
        _shape = RingShape.Of(ring);
        OpenHandles.Opened();
        if (start != RingStart.Now) return;
        _passingOver = true;
        Scan();
        foreach ((uint writer, _) in _counts) StreamOf(writer);
        foreach (RingStream stream in _streams) stream.PassOver(_ring, _shape);
        _passingOver = false;
    }

    /// <summary>Opens the ring of a place, or of <see cref="Place.Current"/>.</summary>
    /// <exception cref="AiosException">Nothing is served there, or what is there is damaged or another user's.</exception>
    public static RingReader Open(Place? place = null, RingStart start = RingStart.Oldest)
    {
        if (!Enum.IsDefined(start)) throw new ArgumentOutOfRangeException(nameof(start));
        Segment ring = Segment.Open(place ?? Place.Current(), "ring", "AIOSRING"u8, writable: false);
        try
        {
            return new RingReader(ring, start);
        }
        catch
        {
            ring.Dispose();
            throw;
        }
    }

    private bool _isDisposed;

    /// <summary>Whether the service ended, or made another ring: open that.</summary>
    public bool IsClosed
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _ring.IsClosed;
        }
    }

    /// <summary>Records and pieces that no writer can have written.</summary>
    public ulong Damaged => _damaged;

    /// <summary>The next record or gap; <c>false</c> when there is nothing new.</summary>
    public bool TryRead(out RingRecord record)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        for (bool hasLooked = false; ;)
        {
            if (FirstStream() is { } stream)
            {
                if (stream.Step(_shape, ref _damaged, out record)) return true;
                continue;
            }
            if (hasLooked) return LostTail(out record);
            hasLooked = true;
            Look();
        }
    }

    /// <summary>Events as they come, until the service ends or it is cancelled. Gaps and other records are passed over.</summary>
    /// <param name="pause">How long to wait when there is nothing new; 10 ms when it is not said.</param>
    /// <param name="cancellation">Ends it.</param>
    public async IAsyncEnumerable<EnvironmentEvent> EventsAsync(
        TimeSpan? pause = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (!cancellation.IsCancellationRequested)
        {
            bool isLast = IsClosed;
            while (NextEvent() is { } one) yield return one;
            if (isLast) yield break;
            try
            {
                await Task.Delay(pause ?? UsualPause, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                yield break;
            }
        }
    }

    /// <summary>The next event; <c>null</c> when there is nothing new. Gaps and other records are passed over.</summary>
    public EnvironmentEvent? NextEvent()
    {
        while (TryRead(out RingRecord record))
            if (EnvironmentEvent.TryDecode(record, out EnvironmentEvent? found)) return found;
        return null;
    }

    /// <summary>The stream whose record comes first: by time, writer, number.</summary>
    private RingStream? FirstStream()
    {
        RingStream? first = null;
        foreach (RingStream stream in _streams)
        {
            if (!stream.HasHead) stream.Fill(_ring, _shape, ref _damaged);
            if (!stream.HasHead) continue;
            if (first == null || (stream.Time, stream.Writer, stream.Sequence).CompareTo((first.Time, first.Writer, first.Sequence)) < 0)
                first = stream;
        }
        return first;
    }

    private void Look()
    {
        Scan();
        foreach (RingStream stream in _streams) stream.Fill(_ring, _shape, ref _damaged);
    }

    /// <summary>Records that are gone, of a writer that has appended none since.</summary>
    private bool LostTail(out RingRecord record)
    {
        while (_counts.Count > 0)
        {
            (uint writer, ulong count) = _counts[^1];
            _counts.RemoveAt(_counts.Count - 1);
            ulong lost = StreamOf(writer).LostBefore(count);
            if (lost == 0) continue;
            record = new RingRecord { Kind = RecordKind.Gap, Writer = writer, Missing = lost };
            return true;
        }
        record = default;
        return false;
    }

    /// <summary>Reads what the rows and the directory say.</summary>
    private void Scan()
    {
        _counts.Clear();
        for (int row = 0; row < RingShape.Rows; row++)
        {
            long at = RingShape.TableAt + row * 64;
            ulong owner = _ring.Read(at);
            if (owner == 0) continue;
            ulong appended = _ring.Read(at + 16);
            // The count of who has the row since is not that of who had it.
            uint epoch = (uint)(owner >> 1) % (1 << 25);
            if (_ring.Read(at) == owner) _counts.Add((epoch << 6 | (uint)row, appended));
        }
        // A chunk whose number is not below the head is for the next look: one of the same writer with a lower number
        // may not have been there when its word was read.
        ulong head = _ring.Read(RingShape.HeadAt);
        foreach (RingStream stream in _streams) stream.InDirectory = false;
        for (int slot = 0; slot < _shape.ChunkCount; slot++)
        {
            ulong word = _ring.Read(RingShape.DirectoryAt + 8 * slot);
            uint lap = (uint)(word >> 32);
            if (lap == 0) continue;
            ulong number = (ulong)(lap - 1) * (ulong)_shape.ChunkCount + (ulong)slot;
            RingStream stream = StreamOf((uint)word >> 1);
            stream.InDirectory = true;
            if (number < head) stream.Add(number);
        }
        for (int index = _streams.Count - 1; index >= 0; index--)
        {
            RingStream stream = _streams[index];
            stream.Sort();
            if (!stream.InDirectory && stream.IsEmpty && !IsCounted(stream.Writer)) _streams.RemoveAt(index);
        }
    }

    private bool IsCounted(uint writer)
    {
        foreach ((uint counted, _) in _counts)
            if (counted == writer) return true;
        return false;
    }

    private RingStream StreamOf(uint writer)
    {
        foreach (RingStream stream in _streams)
            if (stream.Writer == writer) return stream;
        var found = new RingStream(writer, _passingOver ? null : 0);
        _streams.Add(found);
        return found;
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _ring.Dispose();
        OpenHandles.Closed();
    }
}
