using System.Text;

namespace Aios.Tests;

/// <summary>What the native library does, beside a home folder with a broken environment and a healthy one.</summary>
public abstract class LibraryTest : PeerTest
{
    private protected LibraryTest() => UseLibrary();

    /// <summary>Says once where the library is that was built with the tests.</summary>
    internal static void UseLibrary()
    {
        string folder = Peer.Variable("AIOS_TEST_LIBRARY");
        if (AiosLibrary.Folder != folder) AiosLibrary.Folder = folder;
    }

    private protected Engine Open() => new(new EngineOptions { Folder = Peer.Data });

    private protected Look Work => new() { Paths = [Peer.Work] };
}

public sealed class EngineTests : LibraryTest
{
    [Fact]
    public void FindsChecksRepairsAndTakesBack()
    {
        using Engine engine = Open();
        Assert.Equal(Peer.Data, engine.Folder);
        Assert.Equal(2, engine.Find(Work).Environments.Count);
        Inspection seen = engine.Check(Work);
        Assert.Empty(seen.Problems);
        PythonEnvironment broken = Assert.Single(seen.Environments.Where(one => one.Health == Health.Broken));
        Assert.Equal((Peer.Broken, "3.12.3", "cpython"), (broken.Prefix, broken.Version, broken.Implementation));
        Finding finding = Assert.Single(broken.Findings);
        Assert.Equal(("pyvenv-cfg-missing", Severity.Error), (finding.Code, finding.Severity));
        Assert.Equal([Path.Combine(Peer.Broken, "pyvenv.cfg")], finding.Paths);

        using (RepairPlan plan = engine.PlanRepair(broken))
        {
            Assert.Null(plan.Refusal);
            Assert.Equal((Peer.Broken, Health.Broken), (plan.Prefix, plan.Health));
            Assert.Equal("pyvenv-cfg-missing", Assert.Single(plan.Findings).Code);
            Assert.Empty(plan.Unsolved);
            RepairStep step = Assert.Single(plan.Steps);
            Assert.Equal("write-pyvenv-cfg", step.Action);
            Assert.Contains("pyvenv-cfg-missing", step.Reasons);
            Assert.False(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")), "a plan writes nothing");
            RepairResult result = plan.Apply();
            Assert.Equal((RepairOutcome.Repaired, Health.Healthy, 0), (result.Outcome, result.Health, result.FindingCount));
            Assert.Equal(AiosStatus.Refused, Assert.Throws<AiosException>(() => plan.Apply()).Status);
        }
        Assert.True(engine.Check(Work).Environments.All(one => one.Health == Health.Healthy));
        engine.UndoRepair(Peer.Broken);
        Assert.False(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")));
        Assert.Equal(AiosStatus.NotFound, Assert.Throws<AiosException>(() => engine.UndoRepair(Peer.Broken)).Status);
    }

    [Fact]
    public void WhatIsCancelledEndsAndLeavesNothing()
    {
        using Engine engine = Open();
        using var cancelled = new CancellationTokenSource();
        engine.Check(Work, cancelled.Token);
        using RepairPlan plan = engine.PlanRepair(Peer.Broken);
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => engine.Find(Work, cancelled.Token));
        Assert.Throws<OperationCanceledException>(() => engine.Check(Work, cancelled.Token));
        Assert.Throws<OperationCanceledException>(() => plan.Apply(cancelled.Token));
        Assert.False(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")));
    }

    [Fact]
    public void TakesListsComparesAndRestoresSnapshots()
    {
        using Engine engine = Open();
        Assert.Empty(engine.ListSnapshots());
        engine.Check(Work);
        engine.Context.Put(1, "light"u8, "program", "theme");
        engine.Context.Commit();
        ulong first = engine.TakeSnapshot("before", "a test");
        Peer.Tell("repair");
        engine.Check(Work);
        engine.Context.Put(1, "dark"u8, "program", "theme");
        engine.Context.Commit();
        ulong second = engine.TakeSnapshot("after");
        SnapshotInfo[] all = engine.ListSnapshots().Where(one => one.Name != null).ToArray();
        Assert.Equal([first, second], all.Select(one => one.Id));
        Assert.Equal(("before", "a test"), (all[0].Name, all[0].Reason));
        Assert.InRange(all[1].Time, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));

        using Snapshot before = engine.OpenSnapshot(first), after = engine.OpenSnapshot(second);
        Assert.Equal(all[0], before.Info);
        Assert.NotEqual(before.Info.Hash, after.Info.Hash);
        Assert.Equal(1, before.Environments().Environments.Count(one => one.Health == Health.Broken));
        IReadOnlyList<Change> changes = before.DiffTo(after);
        Change entry = Assert.Single(changes.Where(one => one.Kind == ChangeKind.EntryChanged));
        Assert.Equal(["program", "theme"], entry.Keys);
        Assert.True(changes.Any(one => one.Kind == ChangeKind.FindingGone && one is { Name: "pyvenv-cfg-missing" } && one.Prefix == Peer.Broken));
        Assert.Empty(before.DiffTo(before));

        Assert.True(engine.RestoreSnapshot(first) > second);
        Assert.Equal("light", Encoding.UTF8.GetString(engine.Context.Get("program", "theme")!.Bytes));
        using Snapshot image = Snapshot.OfImage(before.Export());
        Assert.Equal("light", Encoding.UTF8.GetString(image.Get("context", "program", "theme")!.Bytes));
        Assert.Null(image.Get("context", "program", "nothing"));
        Assert.Equal(AiosStatus.NotFound, Assert.Throws<AiosException>(() => engine.OpenSnapshot(999)).Status);
        Assert.Equal(AiosStatus.Damaged, Assert.Throws<AiosException>(() => Snapshot.OfImage("nonsense"u8).Get("context", "x")).Status);
    }

    [Fact]
    public void ASnapshotOutlivesItsEngine()
    {
        Engine engine = Open();
        engine.Check(Work);
        Snapshot now = engine.OpenSnapshot();
        engine.Dispose();
        Assert.Equal(2, now.Environments().Environments.Count);
        now.Dispose();
        Assert.Throws<ObjectDisposedException>(() => now.Info);
    }

    [Fact]
    public void RecallsWhatIsLikeIt()
    {
        using Engine engine = Open();
        engine.Check(Work);
        Recollection alike = Assert.Single(engine.Recall(Peer.Broken));
        Assert.Equal(Peer.Healthy, alike.Environment.Prefix);
        Assert.True(alike.IsExact && alike.Shared > 0 && alike.Snapshot > 0);
        Assert.InRange(alike.Similarity, 0.01, 1.0);
        Assert.Empty(engine.RecallPackages(["no-such-distribution"]));
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.Recall(Peer.Broken, 0));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("clé")]
    [InlineData("日本語🚀")]
    public void EntriesAreWhatWasPut(string key)
    {
        using Engine engine = Open();
        Assert.Null(engine.Context.Get("program", key));
        byte[] value = Enumerable.Range(0, 1000).Select(at => (byte)at).ToArray();
        engine.Context.Put(7, value, "program", key);
        engine.Context.Put(8, default, "program", key + " empty");
        Assert.Equal(value, engine.Context.Get("program", key)!.Bytes);
        engine.Context.Commit();
        using (Engine other = Open())
        {
            Assert.Equal((7, value.Length), (other.Context.Get("program", key)!.Tag, other.Context.Get("program", key)!.Bytes.Length));
            Assert.Empty(other.Context.Get("program", key + " empty")!.Bytes);
        }
        engine.Context.Remove("program");
        engine.Context.Discard();
        Assert.NotNull(engine.Context.Get("program", key));
        engine.Context.Remove("program");
        engine.Context.Commit();
        Assert.Null(engine.Context.Get("program", key));
    }

    [Fact]
    public void WhatIsAppendedIsReadByTheReaderWithoutALibrary()
    {
        using Engine engine = Open();
        using RingReader reader = RingReader.Open(Peer.Place);
        using (RecordWriter writer = engine.OpenWriter())
        {
            writer.Append(9, "from C#"u8);
            var frame = new MetricFrame { Flag = 1 };
            frame.Values[3] = 2.5;
            writer.Append(frame);
            frame.Flag = 2;
            Assert.Equal(AiosStatus.Argument, Assert.Throws<AiosException>(() => writer.Append(frame)).Status);
            Assert.Equal(AiosStatus.Argument, Assert.Throws<AiosException>(() => writer.Append(9, new byte[1 << 20])).Status);
            writer.Dispose();
            Assert.Throws<ObjectDisposedException>(() => writer.Append(9, "too late"u8));
        }
        Assert.True(reader.TryRead(out RingRecord record));
        Assert.True(record.Tag == 9 && record.Bytes.SequenceEqual("from C#"u8));
        Assert.True(reader.TryRead(out record) && MetricFrame.TryRead(record.Bytes, out MetricFrame read) && read.Values[3] == 2.5);
        Peer.Tell("stop");
        Assert.Equal(AiosStatus.NotFound, Assert.Throws<AiosException>(() => engine.OpenWriter()).Status);
    }

    [Fact]
    public void ErrorsAreTheThreadsOwn()
    {
        using Engine engine = Open();
        Parallel.For(0, 200, number =>
        {
            string prefix = Path.Combine(Peer.Home, $"missing-{number}");
            AiosException error = Assert.Throws<AiosException>(() => engine.PlanRepair(prefix));
            Assert.Equal(AiosStatus.NotFound, error.Status);
            Assert.Contains(prefix, error.Message);
        });
    }

    [Fact]
    public void ManyThreadsUseOneEngine()
    {
        using Engine engine = Open();
        Parallel.For(0, 12, number =>
        {
            Assert.Equal(2, engine.Find(Work).Environments.Count);
            Assert.Null(engine.Context.Get("nothing", $"{number}"));
        });
    }
}

public sealed class MisuseTests : LibraryTest
{
    [Fact]
    public void WhatIsDisposedIsRefusedAndDisposedTwiceIsFine()
    {
        Engine engine = Open();
        RepairPlan plan = engine.PlanRepair(Peer.Broken);
        engine.Dispose();
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Check());
        Assert.Throws<ObjectDisposedException>(() => engine.Context.Commit());
        // What came of it lives on.
        Assert.Equal(RepairOutcome.Repaired, plan.Apply().Outcome);
        plan.Dispose();
        plan.Dispose();
        Assert.Throws<ObjectDisposedException>(() => plan.Apply());
        Assert.Throws<InvalidOperationException>(() => default(ContextEntries).Commit());
    }

    [Fact]
    public void WrongArgumentsAreSaid()
    {
        using Engine engine = Open();
        Assert.Throws<ArgumentException>(() => engine.PlanRepair(""));
        Assert.Throws<ArgumentNullException>(() => engine.PlanRepair((PythonEnvironment)null!));
        Assert.Throws<ArgumentException>(() => Place.Of(""));
        Assert.Equal(AiosStatus.Argument, Assert.Throws<AiosException>(() => engine.Context.Put(0, default)).Status);
    }

    [Fact]
    public void AMissingLibraryIsSaid()
    {
        AiosException error = Assert.Throws<AiosException>(() => AiosLibrary.Open(Peer.Home));
        Assert.Equal(AiosStatus.Library, error.Status);
        Assert.Contains(Peer.Home, error.Message);
        Assert.Contains("AiosLibrary.Folder", error.Hint);
        // Without a folder: nothing is beside the tests.
        Assert.Contains(Path.Combine("runtimes", ""), Assert.Throws<AiosException>(() => AiosLibrary.Open(null)).Message);
    }

    [Fact]
    public void AFileThatIsNoLibraryIsSaid()
    {
        foreach (string name in (string[])["libaios_context.so", "aios_context.dll", "libaios_context.dylib"])
            File.WriteAllText(Path.Combine(Peer.Home, name), "nothing");
        AiosException error = Assert.Throws<AiosException>(() => AiosLibrary.Open(Peer.Home));
        Assert.Contains("cannot be loaded", error.Message);
        Assert.Contains("cargo build --release -p aios-ffi", error.Hint);
    }

    [Theory]
    [InlineData(0x0002_0000u)]
    [InlineData(0x0000_0005u)]
    public void AnotherVersionOfTheInterfaceIsSaid(uint version)
    {
        AiosException error = Assert.Throws<AiosException>(() => AiosLibrary.CheckVersion(version));
        Assert.Contains($"{version >> 16}.{version & 0xffff}", error.Message);
        Assert.Contains("same release", error.Hint);
        AiosLibrary.CheckVersion(0x0001_0009u);
    }

    [Fact]
    public void TheFolderIsSetBeforeTheFirstUse()
    {
        Assert.Equal(new Version(1, 0).Major, AiosLibrary.AbiVersion.Major);
        Assert.True(Version.TryParse(AiosLibrary.Version, out _));
        Assert.Contains("loaded already", Assert.Throws<InvalidOperationException>(() => AiosLibrary.Folder = "elsewhere").Message);
    }

    [Fact]
    public void AnExceptionOfAReaderUnpins()
    {
        Peer.Tell("publish 1");
        using PublishedState state = PublishedState.Open(Peer.Place);
        for (int round = 0; round < 20; round++)
            Assert.Throws<InvalidDataException>(() => state.Read<int>(_ => throw new InvalidDataException()));
        Assert.Equal(1, state.Read(now => now.Count));
    }

    [Fact]
    public void WhatIsForgottenIsClosed()
    {
        int before = OpenHandles.Count;
        var forgets = new Thread(() =>
        {
            for (int number = 0; number < 50; number++) _ = Open();
        });
        forgets.Start();
        forgets.Join();
        for (int round = 0; round < 100 && OpenHandles.Count > before; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(before, OpenHandles.Count);
    }
}
