namespace Aios.Tests;

public sealed class PublishedStateTests : PeerTest
{
    [Fact]
    public void ReadsWhatAnotherProcessPublishes()
    {
        Assert.Equal("1", Peer.Tell("inspect"));
        using PublishedState state = PublishedState.Open(Peer.Place);
        Assert.Equal(1UL, state.Version);
        Assert.True(state.IsPublished && !state.IsClosed);
        using PinnedState pinned = state.Pin();
        Assert.True(pinned.IsWhole);
        Assert.Equal((1UL, 2, 0, 7UL), (pinned.Version, pinned.Count, pinned.ProblemCount, pinned.Snapshot));
        Assert.Equal((1u, 0u, 1u), (pinned.Healthy, pinned.Warning, pinned.Broken));
        Assert.Equal("0.0.1", pinned.Engine.ToString());
        Assert.InRange(pinned.Time, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));

        int seen = 0;
        foreach (EnvironmentRecord one in pinned)
        {
            seen++;
            Assert.Equal(16, one.Id.Length);
            Assert.Equal("3.12.3", one.Version.ToString());
            Assert.Equal(EnvironmentTraits.Virtual | EnvironmentTraits.Repairable, one.Traits);
            Assert.True(one.Name.IsAbsent);
            Assert.Null(one.Name.ToStringOrNull());
            bool isBroken = one.Prefix.ToString() == Peer.Broken;
            Assert.Equal(isBroken ? Health.Broken : Health.Healthy, one.Health);
            Assert.Equal(isBroken ? 1 : 0, one.Findings.Count);
            if (!isBroken) continue;
            FindingRecord finding = one.Findings[0];
            Assert.True(finding.Code.Is("pyvenv-cfg-missing"u8));
            Assert.Equal(Severity.Error, finding.Severity);
            Assert.Equal(Path.Combine(Peer.Broken, "pyvenv.cfg"), finding.Paths[0].ToString());
            Assert.Equal(1u, one.Errors);
            Assert.True(one.FoundBy.Count % 2 == 0 && one.FoundBy.Count > 0);
        }
        Assert.Equal(2, seen);
    }

    [Fact]
    public void WhatIsPinnedStaysAsItIs()
    {
        Peer.Tell("publish 3");
        using PublishedState state = PublishedState.Open(Peer.Place);
        PinnedState pinned = state.Pin();
        for (int version = 2; version < 10; version++) Assert.Equal($"{version}", Peer.Tell("publish 5"));
        Assert.Equal((1UL, 3, true), (pinned.Version, pinned.Count, pinned.IsWhole));
        Assert.Equal(9UL, state.Version);
        Assert.Equal(5, state.Read(now => now.Count));
        pinned.Dispose();
        Assert.Equal(5, state.Read(now => now.Count));
    }

    [Fact]
    public void WhatIsUnpinnedIsUsedAgain()
    {
        Peer.Tell("publish 1");
        using PublishedState state = PublishedState.Open(Peer.Place);
        using (state.Pin())
        {
            Peer.Tell("publish 1");
            using PinnedState two = state.Pin();
            Peer.Tell("publish 1");
            using PinnedState three = state.Pin();
            Peer.Tell("publish 1");
            using PinnedState four = state.Pin();
            Peer.Tell("publish 1");
            using PinnedState five = state.Pin();
            Assert.Equal("6", Peer.Tell("publish 1"));
            Assert.Equal("NoSlot", Peer.Tell("publish 1"));
        }
        for (int version = 7; version < 15; version++) Assert.Equal($"{version}", Peer.Tell("publish 1"));
    }

    [Fact]
    public void ReadsTenThousandRecordsWithoutTakingMemory()
    {
        Peer.Tell("publish 10000");
        using PublishedState state = PublishedState.Open(Peer.Place);
        // Once before, for what is made when code is first run.
        (long bytes, int broken, int findings) first = ReadAll(state), second = ReadAll(state);
        Assert.Equal(first, second);
        Assert.Equal((3334, 3334), (first.broken, first.findings));
        long before = GC.GetAllocatedBytesForCurrentThread();
        (long bytes, int broken, int findings) third = ReadAll(state);
        Assert.Equal(0L, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(first, third);
    }

    private static (long Bytes, int Broken, int Findings) ReadAll(PublishedState state)
    {
        using PinnedState pinned = state.Pin();
        (long bytes, int broken, int findings) = (0, 0, 0);
        foreach (EnvironmentRecord one in pinned)
        {
            bytes += one.Prefix.Bytes.Length + one.Version.Bytes.Length + one.Kind.Bytes.Length + one.Id.Length;
            if (one.Health == Health.Broken) broken++;
            for (int index = 0; index < one.Findings.Count; index++)
                findings += one.Findings[index].Code.Is("pyvenv-cfg-missing"u8) ? 1 : 0;
        }
        return (bytes, broken, findings);
    }

    [Fact]
    public void PinsAreFewAndComeBack()
    {
        Peer.Tell("publish 1");
        using PublishedState state = PublishedState.Open(Peer.Place);
        for (int round = 0; round < 3; round++)
        {
            using PinnedState one = state.Pin(), two = state.Pin(), three = state.Pin(), four = state.Pin();
            using PinnedState five = state.Pin(), six = state.Pin(), seven = state.Pin();
            Assert.Equal(AiosStatus.Busy, Assert.Throws<AiosException>(() => state.Pin().Dispose()).Status);
            Assert.Equal(1, seven.Count);
        }
    }

    [Fact]
    public void APinOutlivesItsStateAndEndsOnce()
    {
        Peer.Tell("publish 2");
        PublishedState state = PublishedState.Open(Peer.Place);
        PinnedState pinned = state.Pin(), copy = pinned;
        state.Dispose();
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => state.Version);
        Assert.Equal((2, true), (pinned.Count, pinned.IsWhole));
        pinned.Dispose();
        copy.Dispose();
        bool isRefused = false;
        try
        {
            _ = copy.Count;
        }
        catch (ObjectDisposedException)
        {
            isRefused = true;
        }
        Assert.True(isRefused);
        // Every slot is free again.
        for (int version = 2; version < 8; version++) Assert.Equal($"{version}", Peer.Tell("publish 1"));
    }

    [Fact]
    public void OneWhoEndsGivesItsRowBack()
    {
        Peer.Tell("publish 1");
        for (int round = 0; round < 200; round++) PublishedState.Open(Peer.Place).Dispose();
        var all = new List<PublishedState>();
        for (int reader = 0; reader < 20; reader++) all.Add(PublishedState.Open(Peer.Place));
        Assert.Equal("20", Peer.Tell("rows"));
        foreach (PublishedState one in all) one.Dispose();
        Assert.Equal("0", Peer.Tell("rows"));
    }

    [Fact]
    public void TheEndOfThePublisherIsSeen()
    {
        Peer.Tell("publish 1");
        using PublishedState state = PublishedState.Open(Peer.Place);
        Peer.Tell("stop");
        Assert.True(state.IsClosed && !state.IsPublished);
        // What was published last stays.
        Assert.Equal(1, state.Read(now => now.Count));
        AiosException error = Assert.Throws<AiosException>(() => PublishedState.Open(Peer.Place));
        Assert.Equal(AiosStatus.NotFound, error.Status);
        Assert.Contains("start `aios serve`", error.Hint);
    }

    [Fact]
    public void AKilledPublisherIsNotClosedAndDoesNotPublish()
    {
        Peer.Tell("publish 4");
        using PublishedState state = PublishedState.Open(Peer.Place);
        Assert.True(state.IsPublished);
        Peer.Kill();
        Assert.True(!state.IsClosed && !state.IsPublished);
        Assert.Equal(4, state.Read(now => now.Count));
    }

    [Fact]
    public void NothingPublishedIsSaid()
    {
        Assert.Equal(AiosStatus.NotFound, Assert.Throws<AiosException>(() => Place.Of(Peer.Home + "/nowhere")).Status);
        Peer.Tell("create");
        using PublishedState state = PublishedState.Open(Peer.Place);
        Assert.Equal(0UL, state.Version);
        Assert.False(state.TryPin(out _));
        Assert.Equal(AiosStatus.NotFound, Assert.Throws<AiosException>(() => state.Pin().Dispose()).Status);
    }

    [Fact]
    public void ManyThreadsReadWhileItIsPublished()
    {
        Peer.Tell("publish 1");
        using PublishedState state = PublishedState.Open(Peer.Place);
        using var told = new CancellationTokenSource();
        Task<int>[] readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            int views = 0;
            for (; !told.IsCancellationRequested; views++)
            {
                using PinnedState pinned = state.Pin();
                // The number of environments is that of the version, and none of another one is among them.
                if (!pinned.IsWhole || pinned.Count != (int)(pinned.Version % 50)) throw new InvalidDataException($"{pinned.Version} is torn");
            }
            return views;
        })).ToArray();
        for (int version = 2; version < 400; version++) Peer.Tell($"publish {version % 50}");
        told.Cancel();
        Assert.True(readers.Sum(reader => reader.Result) > 100);
    }
}
