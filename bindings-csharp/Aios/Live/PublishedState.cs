namespace Aios;

/// <summary>Reads what is pinned while it runs.</summary>
public delegate T PinnedReader<out T>(PinnedState pinned);

/// <summary>
/// The newest state of all environments, which `aios serve` publishes, read in shared memory without a native library:
/// it calls nobody, waits for nobody, and copies nothing. It may be used by many threads.
/// </summary>
/// <remarks>On Linux and Windows. Elsewhere a program reads the same through the native library.</remarks>
public sealed class PublishedState : IDisposable
{
    private const int Rows = 128;
    private const int Pins = 7;
    private const int RowBytes = 64;
    private const int FirstRowAt = 4096;
    private const int RowsBytes = FirstRowAt + Rows * RowBytes;
    private const int CurrentAt = 128;
    private const int FirstSlotAt = 16384;
    private const int PayloadAt = 64;
    private const int Page = 4096;
    private const int Tries = 10;

    private readonly Place _place;
    private readonly Segment _state;
    private readonly Segment _rows;
    private readonly FileStream _lock;
    private readonly int _rowAt;
    private readonly int _slots;
    private readonly long _stride;
    private readonly long _capacity;

    /// <summary>A bit for each pin that is held.</summary>
    private int _used;
    /// <summary>How often each pin was taken: a copy of a view that was disposed does not unpin what came later.</summary>
    private readonly int[] _turns = new int[Pins];
    /// <summary>1 for this, 1 for each pin: memory is unmapped when nobody reads it.</summary>
    private int _holders = 1;
    private int _isDisposed;

    private PublishedState(Place place, Segment state, Segment rows, int row, FileStream held)
    {
        (_place, _state, _rows, _lock) = (place, state, rows, held);
        _rowAt = FirstRowAt + row * RowBytes;
        (_slots, _stride, _capacity) = Shape(state);
        OpenHandles.Opened();
    }

    /// <summary>Opens what is published for a place, or for <see cref="Place.Current"/>.</summary>
    /// <exception cref="AiosException">Nothing is published, or what is there is damaged or another user's.</exception>
    public static PublishedState Open(Place? place = null)
    {
        place ??= Place.Current();
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            Segment? state = null, rows = null;
            try
            {
                state = Segment.Open(place, "state", "AIOSSTAT"u8, writable: false);
                rows = Segment.Open(place, "rows", "AIOSROWS"u8, writable: true);
                Shape(state);
                if (rows.Length != RowsBytes || rows.Read(64) != (Rows | (ulong)Pins << 32))
                    throw rows.Damaged("has another number of rows");
                // Otherwise one of them was made anew meanwhile.
                if (state.Read(88) == rows.Made && state.IsReady)
                {
                    (int row, FileStream held) = TakeRow(place, rows);
                    var opened = new PublishedState(place, state, rows, row, held);
                    (state, rows) = (null, null);
                    return opened;
                }
            }
            finally
            {
                state?.Dispose();
                rows?.Dispose();
            }
        }
        throw new AiosException(AiosStatus.Busy, $"what is published for `{place.Folder}` is made anew all the time", "try again");
    }

    private static (int Slots, long Stride, long Capacity) Shape(Segment state)
    {
        ulong slots = state.Read(64), stride = state.Read(72), capacity = state.Read(80);
        bool isOne = slots is >= 2 and <= 64 && capacity is > 0 and <= int.MaxValue;
        ulong wanted = isOne ? (capacity + PayloadAt + Page - 1) / Page * Page : 0;
        if (!isOne || stride != wanted || FirstSlotAt + slots * stride != (ulong)state.Length)
            throw state.Damaged("has a shape that no state has");
        return ((int)slots, (long)stride, (long)capacity);
    }

    /// <summary>A row whose lock is free, and whose owner is nobody, or dead.</summary>
    private static (int Row, FileStream Held) TakeRow(Place place, Segment rows)
    {
        for (int row = 0; row < Rows; row++)
        {
            int at = FirstRowAt + row * RowBytes;
            ulong before = rows.Read(at);
            if (before != 0 && ProcessMark.Runs(before)) continue;
            FileStream? held = RowLock.Take(place, $"rows.{row}");
            if (held == null) continue;
            for (int pin = 0; pin < Pins; pin++) rows.Write(at + 8 + pin * 8, 0);
            // A reader that cannot lock may come first.
            if (rows.Exchange(at, before, ProcessMark.Own)) return (row, held);
            held.Dispose();
        }
        throw new AiosException(AiosStatus.Busy, $"all {Rows} readers are there already", "close some of them");
    }

    /// <summary>Counts what was published; 0 before anything is. Another number than before: there is news to pin.</summary>
    public ulong Version
    {
        get
        {
            Enter();
            try
            {
                return _state.Read(CurrentAt) >> 8;
            }
            finally
            {
                Leave();
            }
        }
    }

    /// <summary>Whether its publisher ended: it stays as it is; open it again for the next one.</summary>
    public bool IsClosed
    {
        get
        {
            Enter();
            try
            {
                return _state.IsClosed;
            }
            finally
            {
                Leave();
            }
        }
    }

    /// <summary>Whether its publisher lives. Not, and not closed: it was killed, and may be started again.</summary>
    public bool IsPublished
    {
        get
        {
            Enter();
            try
            {
                return !_state.IsClosed && RowLock.IsHeld(_place, "state", _state.Owner);
            }
            finally
            {
                Leave();
            }
        }
    }

    /// <summary>Pins what is published now: it stays as it is until the pin is disposed. At most seven at once.</summary>
    /// <exception cref="AiosException">Nothing is published yet, too many pins are held, or it is damaged.</exception>
    public PinnedState Pin() => TryPin(out PinnedState pinned)
        ? pinned
        : throw new AiosException(AiosStatus.NotFound, $"nothing is published yet for `{_place.Folder}`", "try again when `Version` is not 0");

    /// <summary>The same; <c>false</c> before anything is published. No memory is taken.</summary>
    public bool TryPin(out PinnedState pinned)
    {
        pinned = default;
        Enter();
        int pin = -1;
        try
        {
            pin = TakePin();
            ulong word = PinCurrent(PinAt(pin));
            if (word == 0)
            {
                GivePin(pin);
                return false;
            }
            pinned = new PinnedState(this, pin, _turns[pin], word >> 8, Payload(word));
            // Of this call, which ends, and of the pin, which stays.
            Interlocked.Increment(ref _holders);
            return true;
        }
        catch when (pin >= 0)
        {
            GivePin(pin);
            throw;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>
    /// Pins what is published now for as long as a function runs: nothing of it can be read later by mistake.
    /// </summary>
    /// <exception cref="AiosException">As for <see cref="Pin"/>.</exception>
    public T Read<T>(PinnedReader<T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        using PinnedState pinned = Pin();
        return read(pinned);
    }

    private long PinAt(int pin) => _rowAt + 8 + pin * 8;

    private int TakePin()
    {
        for (int used = Volatile.Read(ref _used); ;)
        {
            int pin = System.Numerics.BitOperations.TrailingZeroCount(~used);
            if (pin >= Pins)
                throw new AiosException(AiosStatus.Busy, $"{Pins} pins are held already", "dispose each pin before long");
            int before = Interlocked.CompareExchange(ref _used, used | 1 << pin, used);
            if (before == used) return pin;
            used = before;
        }
    }

    private void GivePin(int pin)
    {
        // Reads of the slot are done before this is seen.
        _rows.Write(PinAt(pin), 0);
        Interlocked.Increment(ref _turns[pin]);
        Interlocked.And(ref _used, ~(1 << pin));
    }

    /// <summary>
    /// The word that is current, once it is pinned; 0 when there is none. Either the publisher sees the pin, or this sees that
    /// the word is no longer current: of the two fences one comes first.
    /// </summary>
    private ulong PinCurrent(long at)
    {
        for (ulong current = _state.Read(CurrentAt); current != 0;)
        {
            _rows.Write(at, current);
            Interlocked.MemoryBarrier();
            ulong again = _state.Read(CurrentAt);
            if (again == current) return current;
            current = again;
        }
        return 0;
    }

    private ReadOnlySpan<byte> Payload(ulong word)
    {
        ulong slot = word & 0xff;
        if (slot >= (ulong)_slots) throw _state.Damaged("says that a slot is current which is not there");
        long at = FirstSlotAt + (long)slot * _stride;
        ulong length = _state.Read(at + 8);
        if (length > (ulong)_capacity || _state.Read(at) != word)
            throw _state.Damaged("has a slot that says something else");
        return _state.Bytes(at + PayloadAt, (int)length);
    }

    internal bool IsHeld(int pin, int turn) => Volatile.Read(ref _turns[pin]) == turn;

    internal void Unpin(int pin, int turn)
    {
        // A copy of it may have been disposed before.
        if (!IsHeld(pin, turn)) return;
        GivePin(pin);
        Leave();
    }

    private void Enter()
    {
        for (int holders = Volatile.Read(ref _holders); ;)
        {
            ObjectDisposedException.ThrowIf(holders == 0 || Volatile.Read(ref _isDisposed) != 0, this);
            int before = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (before == holders) return;
            holders = before;
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;
        for (int pin = 0; pin < Pins; pin++) _rows.Write(PinAt(pin), 0);
        _rows.Write(_rowAt, 0);
        _lock.Dispose();
        _rows.Dispose();
        _state.Dispose();
        OpenHandles.Closed();
    }

    /// <summary>Gives the row back, when the last pin is disposed too.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) Leave();
    }
}
