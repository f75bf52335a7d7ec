namespace Aios.Tests;

public sealed class RingReaderTests : PeerTest
{
    [Fact]
    public void ReadsEventsFiguresAndBytes()
    {
        Peer.Tell("event");
        Peer.Tell("opaque 7 from Rust");
        Peer.Tell("metrics");
        using RingReader reader = RingReader.Open(Peer.Place);
        Assert.True(reader.TryRead(out RingRecord record));
        Assert.Equal((RecordKind.Event, 0UL), (record.Kind, record.Sequence));
        Assert.InRange(record.Time, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
        Assert.True(EnvironmentEvent.TryDecode(record, out EnvironmentEvent? found));
        Assert.Equal((EventKind.Changed, Peer.Broken, "why"), (found!.Kind, found.Path, found.Text));
        Assert.Equal((Health.Healthy, Health.Broken), (found.Before, found.After));
        Assert.Equal(["pyvenv-cfg-missing"], found.Codes);
        Assert.Equal(16, found.Environment!.Length);

        Assert.True(reader.TryRead(out record));
        Assert.Equal((RecordKind.Opaque, (ushort)7, 1UL), (record.Kind, record.Tag, record.Sequence));
        Assert.True(record.Bytes.SequenceEqual("from Rust"u8));
        Assert.False(EnvironmentEvent.TryDecode(record, out _));
        Assert.False(MetricFrame.TryRead(record.Bytes, out _));

        Assert.True(reader.TryRead(out record));
        Assert.Equal(RecordKind.Metrics, record.Kind);
        Assert.True(MetricFrame.TryRead(record.Bytes, out MetricFrame frame));
        Assert.Equal((1.5, -0.25, (byte)1), (frame.Values[0], frame.Values[6], frame.Flag));
        Assert.False(reader.TryRead(out _));
        Peer.Tell("event");
        Assert.Equal(EventKind.Changed, reader.NextEvent()!.Kind);
        Assert.Equal(0UL, reader.Damaged);
    }

    [Fact]
    public void WhatIsOverwrittenIsAGap()
    {
        using RingReader reader = RingReader.Open(Peer.Place);
        Peer.Tell("fill 50000");
        (ulong missing, ulong records, ulong next) = (0, 0, 0);
        while (reader.TryRead(out RingRecord record))
        {
            if (record.Kind == RecordKind.Gap) missing += record.Missing;
            else
            {
                Assert.True(records == 0 || record.Sequence == next, "a gap is said before the record after it");
                Assert.Equal(record.Sequence, BitConverter.ToUInt64(record.Bytes));
                next = record.Sequence + 1;
                records++;
            }
        }
        Assert.Equal(50000UL, missing + records);
        Assert.True(missing > 0 && records > 0);
    }

    [Fact]
    public void LongRecordsAreJoined()
    {
        Peer.Tell("long 20000");
        using RingReader reader = RingReader.Open(Peer.Place);
        Assert.True(reader.TryRead(out RingRecord record));
        Assert.Equal(20000, record.Bytes.Length);
        for (int at = 0; at < 20000; at++) Assert.True(record.Bytes[at] == (byte)(at % 251), $"{at}");
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public void SeveralWritersAreInTheOrderOfTime()
    {
        for (int turn = 0; turn < 100; turn++) Peer.Tell($"opaque {turn % 3} {turn}");
        using RingReader reader = RingReader.Open(Peer.Place);
        for (int turn = 0; turn < 100; turn++)
        {
            Assert.True(reader.TryRead(out RingRecord record));
            Assert.Equal($"{turn}", System.Text.Encoding.UTF8.GetString(record.Bytes));
        }
    }

    [Fact]
    public void WhoBeginsNowDoesNotSeeWhatWas()
    {
        Peer.Tell("event");
        Peer.Tell("fill 10000");
        using RingReader reader = RingReader.Open(Peer.Place, RingStart.Now);
        Assert.False(reader.TryRead(out _));
        Peer.Tell("opaque 9 new");
        Assert.True(reader.TryRead(out RingRecord record));
        Assert.Equal((ushort)9, record.Tag);
        Assert.Throws<ArgumentOutOfRangeException>(() => RingReader.Open(Peer.Place, 0));
    }

    [Fact]
    public void ReadingTakesNoMemoryOnceItRuns()
    {
        Peer.Tell("fill 2000");
        using RingReader reader = RingReader.Open(Peer.Place);
        while (reader.TryRead(out _)) { }
        Peer.Tell("fill 2000");
        long before = GC.GetAllocatedBytesForCurrentThread();
        int records = 0;
        while (reader.TryRead(out RingRecord record)) records += record.Bytes.Length > 0 ? 1 : 0;
        Assert.Equal(0L, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2000, records);
    }

    [Fact]
    public async Task EventsComeUntilTheServiceEnds()
    {
        using RingReader reader = RingReader.Open(Peer.Place);
        var seen = new List<EnvironmentEvent>();
        Peer.Tell("event");
        await foreach (EnvironmentEvent one in reader.EventsAsync(TimeSpan.FromMilliseconds(1)))
        {
            seen.Add(one);
            if (seen.Count < 3) Peer.Tell("event");
            else Peer.Tell("stop");
        }
        Assert.Equal(3, seen.Count);
        Assert.True(reader.IsClosed);
        reader.Dispose();
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.NextEvent());
    }

    [Fact]
    public async Task ItCanBeCancelled()
    {
        using RingReader reader = RingReader.Open(Peer.Place);
        using var cancellation = new CancellationTokenSource();
        Peer.Tell("event");
        int seen = 0;
        await foreach (EnvironmentEvent one in reader.EventsAsync(cancellation: cancellation.Token))
        {
            seen++;
            await cancellation.CancelAsync();
        }
        Assert.Equal(1, seen);
    }
}
