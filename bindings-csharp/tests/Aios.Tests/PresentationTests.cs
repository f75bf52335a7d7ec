using System.Collections.Specialized;
using System.ComponentModel;
using Aios.Presentation;

namespace Aios.Tests;

public sealed class CoalescerTests : AiosTest
{
    [Fact]
    public void AThousandUpdatesASecondAreAtMostSixtyCalls()
    {
        var (ui, clock) = (new Pump(), new Clock());
        (int newest, int shown, int calls) = (0, -1, 0);
        using var coalescer = new Coalescer(ui, () => (shown, calls) = (newest, calls + 1), clock);
        for (int update = 1; update <= 1000; update++)
        {
            newest = update;
            coalescer.Request();
            clock.Advance(TimeSpan.FromMilliseconds(1));
            ui.Drain();
        }
        Assert.InRange(calls, 50, 60);
        // What came last is shown, without another request.
        clock.Advance(Coalescer.Frame + TimeSpan.FromMilliseconds(1));
        ui.Drain();
        Assert.Equal(1000, shown);
        Assert.Equal(calls, ui.Calls);
        // Nothing is called for nothing.
        clock.Advance(TimeSpan.FromSeconds(10));
        ui.Drain();
        Assert.Equal(calls, ui.Calls);
    }

    [Fact]
    public void TheFirstRequestAfterAPauseIsShownAtOnce()
    {
        var (ui, clock) = (new Pump(), new Clock());
        int calls = 0;
        var coalescer = new Coalescer(ui, () => calls++, clock);
        for (int turn = 1; turn <= 3; turn++)
        {
            coalescer.Request();
            ui.Drain();
            Assert.Equal(turn, calls);
            clock.Advance(TimeSpan.FromSeconds(1));
        }
        coalescer.Request();
        coalescer.Dispose();
        coalescer.Request();
        ui.Drain();
        Assert.Equal(3, calls);
    }

    [Fact]
    public void WhatIsAskedForWhileItIsShownIsShownNext()
    {
        var (ui, clock) = (new Pump(), new Clock());
        (int newest, List<int> shown) = (1, []);
        Coalescer? itself = null;
        using var coalescer = itself = new Coalescer(ui, () =>
        {
            shown.Add(newest);
            if (newest++ < 3) itself!.Request();
        }, clock);
        coalescer.Request();
        for (int frame = 0; frame < 5; frame++)
        {
            ui.Drain();
            clock.Advance(TimeSpan.FromMilliseconds(17));
        }
        Assert.Equal([1, 2, 3], shown);
    }
}

public sealed class MonitorViewModelTests : LibraryTest
{
    private readonly Pump _ui = new();
    private readonly Clock _clock = new();
    private readonly Told _source = new();
    private readonly MonitorViewModel _monitor;

    public MonitorViewModelTests() => _monitor = new MonitorViewModel(_source, Open(), _ui, _clock);

    protected override void Ended()
    {
        _monitor.Dispose();
        Assert.True(_source.IsDisposed);
        base.Ended();
    }

    private List<PythonEnvironment> Published(int count)
    {
        Peer.Tell($"publish {count}");
        using PublishedState state = PublishedState.Open(Peer.Place);
        return state.Read(pinned =>
        {
            var all = new List<PythonEnvironment>();
            foreach (EnvironmentRecord one in pinned) all.Add(PythonEnvironment.Of(one));
            return all;
        });
    }

    private void Frame()
    {
        _clock.Advance(TimeSpan.FromMilliseconds(17));
        _ui.Drain();
    }

    [Fact]
    public void UpdatesAreAtMostSixtyNotificationsASecond()
    {
        List<PythonEnvironment> all = Published(3);
        // The first one, well and broken in turn.
        PythonEnvironment broken = all[0];
        _source.Say(all);
        Frame();
        var told = new Dictionary<string, int>();
        _monitor.Environments[0].PropertyChanged += (_, which) => told[which.PropertyName!] = told.GetValueOrDefault(which.PropertyName!) + 1;
        for (int update = 0; update < 1000; update++)
        {
            all[0] = update % 2 == 0 ? Healthy(broken) : broken;
            _source.Say([.. all]);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            _ui.Drain();
        }
        Frame();
        Assert.InRange(told["Health"], 1, 60);
        Assert.InRange(told["Summary"], 1, 60);
        Assert.True(told.Values.All(count => count <= 60));
        Assert.Equal(Health.Broken, _monitor.Environments[0].Health);
    }

    private static PythonEnvironment Healthy(PythonEnvironment one) => one with { Health = Health.Healthy, Findings = [] };

    [Fact]
    public void RowsAreAddedMovedAndRemovedAndStayTheSame()
    {
        List<PythonEnvironment> all = Published(6);
        _source.Say(all);
        Frame();
        Assert.Equal(all.Select(one => one.Prefix), _monitor.Environments.Select(one => one.Prefix));
        Assert.Equal((4, 0, 2), (_monitor.Healthy, _monitor.Warning, _monitor.Broken));
        EnvironmentViewModel row = _monitor.Environments[4];
        _monitor.Selected = row;
        var actions = new List<NotifyCollectionChangedAction>();
        _monitor.Environments.CollectionChanged += (_, change) => actions.Add(change.Action);
        PythonEnvironment[] other = [all[5], all[4], all[0], all[1]];
        _source.Say(other);
        Frame();
        Assert.Equal(other.Select(one => one.Prefix), _monitor.Environments.Select(one => one.Prefix));
        Assert.Same(row, _monitor.Environments[1]);
        Assert.Same(row, _monitor.Selected);
        Assert.False(actions.Contains(NotifyCollectionChangedAction.Reset), "a list that is made anew loses what is selected");
        _source.Say([.. other]);
        int before = actions.Count;
        Frame();
        Assert.Equal(before, actions.Count);
        _source.Say([all[0]]);
        Frame();
        Assert.Null(_monitor.Selected);
        Assert.Single(_monitor.Environments);
    }

    [Fact]
    public void EverythingIsToldOnTheThreadOfTheUserInterface()
    {
        List<PythonEnvironment> all = Published(3);
        int own = Environment.CurrentManagedThreadId, wrong = 0, told = 0;
        void Look()
        {
            told++;
            if (Environment.CurrentManagedThreadId != own) wrong++;
        }
        _monitor.PropertyChanged += (_, _) => Look();
        _monitor.Environments.CollectionChanged += (_, _) => Look();
        var other = new Thread(() => _source.Say(all));
        other.Start();
        other.Join();
        Assert.Equal(0, told);
        Frame();
        Assert.True(told > 3 && wrong == 0);
    }

    [Fact]
    public void AnExceptionOfAListenerReachesTheThreadOfTheUserInterface()
    {
        PropertyChangedEventHandler fails = (_, _) => throw new InvalidOperationException("of a listener");
        _monitor.PropertyChanged += fails;
        _source.Say(Published(3));
        Assert.Contains("of a listener", Assert.Throws<InvalidOperationException>(Frame).Message);
        _monitor.PropertyChanged -= fails;
        // It goes on.
        _source.Say(Published(6));
        Frame();
        Assert.Equal(6, _monitor.Environments.Count);
    }

    [Fact]
    public void EventsAreTheNewestFirstAndBounded()
    {
        Peer.Tell("event");
        using RingReader reader = RingReader.Open(Peer.Place);
        EnvironmentEvent one = reader.NextEvent()!;
        for (int turn = 0; turn < MonitorViewModel.MostEvents + 50; turn++) _source.Happened(one);
        Frame();
        Assert.Equal(MonitorViewModel.MostEvents, _monitor.Events.Count);
        Assert.Equal("Healthy → Broken; pyvenv-cfg-missing; why", _monitor.Events[0].Text);
        Assert.Equal((EventKind.Changed, Peer.Broken), (_monitor.Events[0].Kind, _monitor.Events[0].Path));
    }

    [Fact]
    public void ARepairShowsItsPlanFirst()
    {
        Peer.Tell("inspect");
        using (PublishedState state = PublishedState.Open(Peer.Place))
        {
            _source.Say(state.Read(pinned =>
            {
                var all = new List<PythonEnvironment>();
                foreach (EnvironmentRecord one in pinned) all.Add(PythonEnvironment.Of(one));
                return all;
            }));
        }
        Frame();
        RepairViewModel repair = _monitor.Repair;
        Assert.False(repair.PlanCommand.CanExecute());
        _monitor.Selected = _monitor.Environments.Single(one => one.Health == Health.Broken);
        Assert.True(_monitor.Selected.CanRepair && repair.PlanCommand.CanExecute());
        Assert.False(repair.ApplyCommand.CanExecute(), "nothing is done that was not shown");
        _ui.RunUntil(repair.PlanCommand.ExecuteAsync());
        Assert.True(repair.IsPlanned);
        Assert.Equal("write-pyvenv-cfg", Assert.Single(repair.Steps).Action);
        Assert.False(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")));
        Assert.True(repair.ApplyCommand.CanExecute());
        Task applied = repair.ApplyCommand.ExecuteAsync();
        Assert.False(repair.ApplyCommand.CanExecute(), "it is carried out once");
        _ui.RunUntil(applied);
        Assert.Equal("", repair.Error);
        Assert.Equal("Repaired: Healthy, findings left: 0", repair.ResultText);
        Assert.False(repair.IsPlanned || repair.ApplyCommand.CanExecute());
        Assert.True(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")));
        _ui.RunUntil(repair.UndoCommand.ExecuteAsync());
        Assert.False(File.Exists(Path.Combine(Peer.Broken, "pyvenv.cfg")));
        _ui.RunUntil(repair.UndoCommand.ExecuteAsync());
        Assert.True(repair.Error.Length > 0, "there is nothing to take back");
        // The plan of one is not that of another.
        _ui.RunUntil(repair.PlanCommand.ExecuteAsync());
        _monitor.Selected = _monitor.Environments.Single(one => one.Health == Health.Healthy);
        Assert.False(repair.IsPlanned);
        Assert.Empty(repair.Steps);
        Assert.Equal("", repair.ResultText);
    }

    [Fact]
    public void SnapshotsAreTakenComparedAndRestored()
    {
        using Engine engine = Open();
        engine.Check(Work);
        engine.Context.Put(1, "light"u8, "program", "theme");
        engine.Context.Commit();
        SnapshotsViewModel snapshots = _monitor.Snapshots;
        Assert.False(snapshots.DiffCommand.CanExecute() || snapshots.RestoreCommand.CanExecute());
        snapshots.Name = "first";
        _ui.RunUntil(snapshots.TakeCommand.ExecuteAsync());
        Assert.Equal(("", "first"), (snapshots.Error + snapshots.Name, snapshots.All[0].Name!));
        engine.Context.Put(1, "dark"u8, "program", "theme");
        engine.Context.Commit();
        snapshots.Selected = snapshots.All[0];
        _ui.RunUntil(snapshots.DiffCommand.ExecuteAsync());
        Assert.Equal(ChangeKind.EntryChanged, Assert.Single(snapshots.Changes).Kind);
        _ui.RunUntil(snapshots.RestoreCommand.ExecuteAsync());
        Assert.True(engine.Context.Get("program", "theme")!.Bytes.SequenceEqual("light"u8.ToArray()));
        // What was selected is selected in the new list.
        Assert.Equal("first", snapshots.Selected!.Name);
        Assert.True(snapshots.All.Count >= 2);
    }
}

public sealed class PublishedSourceTests : LibraryTest
{
    [Fact]
    public void AWindowFollowsAServiceThatEndsAndComesBack()
    {
        var ui = new Pump();
        using var monitor = new MonitorViewModel(new PublishedSource(Peer.Place), Open(), ui);
        ui.RunUntil(() => monitor.Message.Length > 0);
        Assert.False(monitor.IsPublished);
        Peer.Tell("publish 3");
        ui.RunUntil(() => monitor.IsPublished);
        ui.RunUntil(() => monitor.Environments.Count == 3);
        Assert.Equal("", monitor.Message);
        Peer.Tell("event");
        ui.RunUntil(() => monitor.Events.Count == 1);
        Peer.Tell("publish 5");
        ui.RunUntil(() => monitor.Environments.Count == 5);
        Peer.Tell("stop");
        ui.RunUntil(() => !monitor.IsPublished);
        // What was published last stays, and it is said that it is old.
        Assert.Equal(5, monitor.Environments.Count);
        Assert.True(monitor.Message.Length > 0);
        Peer.Tell("start");
        Peer.Tell("publish 1");
        ui.RunUntil(() => monitor.IsPublished && monitor.Environments.Count == 1);
    }
}
