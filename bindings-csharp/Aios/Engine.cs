using Aios.Native;

namespace Aios;

/// <summary>How much of each environment a check reads.</summary>
public enum Depth
{
    /// <summary>Packages, scripts and hooks: existence, size, zeros.</summary>
    Usual = 1,
    /// <summary>Also the hash of every file that a package says it has.</summary>
    Deep = 2,
}

/// <summary>Where to look. As it is made: at every known place of this machine.</summary>
public sealed record Look
{
    /// <summary>Environments, interpreters, or folders to walk. When there are any, nothing else is looked at.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Folders to walk beside the known places of the machine.</summary>
    public IReadOnlyList<string> Workspaces { get; init; } = [];

    /// <summary>How much a check reads.</summary>
    public Depth Depth { get; init; } = Depth.Usual;

    /// <summary>Nothing is taken from what earlier looks read, nor kept for later ones.</summary>
    public bool IsFresh { get; init; }

    /// <summary>What is seen is not remembered.</summary>
    public bool IsUnrecorded { get; init; }
}

/// <summary>How an engine is opened.</summary>
public sealed record EngineOptions
{
    /// <summary>The folder in which things are remembered; <c>null</c> for the usual one.</summary>
    public string? Folder { get; init; }

    /// <summary>How long a call waits for another process that writes: 30 seconds when it is not said.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>
/// Finds environments of this machine, says what is wrong with them, repairs them, and remembers what was. Every method may be
/// called by any thread; those that look at disks take their time: call them from a task.
/// </summary>
public sealed unsafe class Engine : IDisposable
{
    private const uint Fresh = 1;
    private const uint Unrecorded = 2;
    private readonly NativeHandle _handle;

    /// <summary>Opens an engine; nothing is read or written yet.</summary>
    /// <exception cref="AiosException">The library is missing or of another version.</exception>
    public Engine(EngineOptions? options = null)
    {
        options ??= new EngineOptions();
        AiosLibrary.Load();
        using var arguments = new NativeArguments();
        var native = new NativeEngineOptions
        {
            StructSize = (nuint)sizeof(NativeEngineOptions),
            Folder = arguments.Text(options.Folder),
            PatienceMs = (uint)Math.Clamp(options.Patience.TotalMilliseconds, 1, uint.MaxValue),
        };
        nint engine;
        NativeError.Check(NativeMethods.aios_engine_open(&native, &engine));
        _handle = new NativeHandle(engine, &NativeMethods.aios_engine_close);
    }

    /// <summary>The folder in which things are remembered.</summary>
    public string Folder
    {
        get
        {
            NativeStr folder;
            NativeError.Check(NativeMethods.aios_engine_folder(_handle.Value, &folder));
            return folder.ToString();
        }
    }

    /// <summary>Finds environments. Their findings are those that marker and interpreter alone tell.</summary>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    public Inspection Find(Look? look = null, CancellationToken cancellation = default) =>
        Seen(&NativeMethods.aios_find, look, cancellation);

    /// <summary>Finds environments, says what is wrong with each, and remembers what it sees; nothing when it is cancelled.</summary>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    public Inspection Check(Look? look = null, CancellationToken cancellation = default) =>
        Seen(&NativeMethods.aios_check, look, cancellation);

    private Inspection Seen(delegate*<nint, NativeLook*, nint*, AiosStatus> looks, Look? look, CancellationToken cancellation)
    {
        look ??= new Look();
        using var arguments = new NativeArguments();
        using var progress = new NativeProgress();
        var native = new NativeLook
        {
            StructSize = (nuint)sizeof(NativeLook),
            Paths = arguments.Texts(look.Paths),
            PathCount = (nuint)look.Paths.Count,
            Workspaces = arguments.Texts(look.Workspaces),
            WorkspaceCount = (nuint)look.Workspaces.Count,
            Depth = (uint)look.Depth,
            Flags = (look.IsFresh ? Fresh : 0) | (look.IsUnrecorded ? Unrecorded : 0),
            Progress = progress.Value,
        };
        nint environments;
        AiosStatus status;
        using (progress.CancelledBy(cancellation)) status = looks(_handle.Value, &native, &environments);
        NativeError.Check(status, cancellation);
        return Inspection.Take(environments);
    }

    /// <summary>Plans the repair of an environment. Nothing is written.</summary>
    public RepairPlan PlanRepair(PythonEnvironment environment, RepairOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return PlanRepair(environment.PrefixBytes, options);
    }

    /// <summary>The same, of the environment with a prefix.</summary>
    public RepairPlan PlanRepair(string prefix, RepairOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        return PlanRepair(System.Text.Encoding.UTF8.GetBytes(prefix), options);
    }

    private RepairPlan PlanRepair(ReadOnlySpan<byte> prefix, RepairOptions? options)
    {
        options ??= new RepairOptions();
        using var arguments = new NativeArguments();
        var progress = new NativeProgress();
        var native = new NativeRepairOptions
        {
            StructSize = (nuint)sizeof(NativeRepairOptions),
            Base = arguments.Text(options.Base),
            Wheelhouses = arguments.Texts(options.Wheelhouses),
            WheelhouseCount = (nuint)options.Wheelhouses.Count,
            Snapshot = options.Snapshot,
            Progress = progress.Value,
        };
        try
        {
            nint plan;
            NativeError.Check(NativeMethods.aios_repair_plan(_handle.Value, arguments.Path(prefix), &native, &plan));
            return new RepairPlan(plan, progress);
        }
        catch
        {
            progress.Dispose();
            throw;
        }
    }

    /// <summary>Takes back the repair of an environment that was interrupted, else the newest one that was kept.</summary>
    public void UndoRepair(string prefix)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        using var arguments = new NativeArguments();
        NativeError.Check(NativeMethods.aios_repair_undo(_handle.Value, arguments.Text(prefix)));
    }

    /// <summary>The entries of this program in the context, and of others: keys that lead to bytes.</summary>
    public ContextEntries Context => new(_handle);

    /// <summary>Keeps what was recorded and committed as a snapshot; returns its number. Those with a name are kept.</summary>
    public ulong TakeSnapshot(string? name = null, string? reason = null)
    {
        using var arguments = new NativeArguments();
        ulong id;
        NativeError.Check(NativeMethods.aios_snapshot_take(_handle.Value, arguments.Text(name), arguments.Text(reason), &id));
        return id;
    }

    /// <summary>The snapshots that there are, the oldest first.</summary>
    public IReadOnlyList<SnapshotInfo> ListSnapshots()
    {
        nint snapshots;
        NativeError.Check(NativeMethods.aios_snapshots_list(_handle.Value, &snapshots));
        using var list = new NativeHandle(snapshots, &NativeMethods.aios_snapshots_close);
        nuint count;
        NativeError.Check(NativeMethods.aios_snapshots_count(list.Value, &count));
        var all = new SnapshotInfo[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var info = new NativeSnapshotInfo { StructSize = (nuint)sizeof(NativeSnapshotInfo) };
            NativeError.Check(NativeMethods.aios_snapshots_get(list.Value, index, &info));
            all[(int)index] = SnapshotInfo.Of(info);
        }
        return all;
    }

    /// <summary>Opens a snapshot by its number, or the present state: 0.</summary>
    public Snapshot OpenSnapshot(ulong id = 0)
    {
        nint snapshot;
        NativeError.Check(NativeMethods.aios_snapshot_open(_handle.Value, id, &snapshot));
        return new Snapshot(snapshot);
    }

    /// <summary>
    /// Brings the entries of programs back to what they were in a snapshot. Returns the snapshot that has the state of before; 0
    /// when nothing differs. What is recorded of environments stays: a repair with <see cref="RepairOptions.Snapshot"/>
    /// brings that back.
    /// </summary>
    public ulong RestoreSnapshot(ulong id)
    {
        ulong saved;
        NativeError.Check(NativeMethods.aios_snapshot_restore(_handle.Value, id, &saved));
        return saved;
    }

    /// <summary>The remembered environments that are most like one that is or was remembered.</summary>
    public IReadOnlyList<Recollection> Recall(string prefix, int most = 5)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        return Recall(prefix, [], most);
    }

    /// <summary>The remembered environments that had most of these packages, each a name or `name==version`.</summary>
    public IReadOnlyList<Recollection> RecallPackages(IReadOnlyList<string> packages, int most = 5)
    {
        ArgumentNullException.ThrowIfNull(packages);
        return Recall(null, packages, most);
    }

    private Recollection[] Recall(string? prefix, IReadOnlyList<string> packages, int most)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        using var arguments = new NativeArguments();
        var cue = new NativeCue
        {
            StructSize = (nuint)sizeof(NativeCue),
            Prefix = arguments.Text(prefix),
            Packages = arguments.Texts(packages),
            PackageCount = (nuint)packages.Count,
            Most = (uint)most,
        };
        nint recollections;
        NativeError.Check(NativeMethods.aios_recall(_handle.Value, &cue, &recollections));
        return Recollection.Take(recollections);
    }

    /// <summary>Opens a writer to the ring of the service that runs for this folder.</summary>
    public RecordWriter OpenWriter()
    {
        nint buffer, writer;
        NativeError.Check(NativeMethods.aios_buffer_open(_handle.Value, &buffer));
        using var held = new NativeHandle(buffer, &NativeMethods.aios_buffer_close);
        NativeError.Check(NativeMethods.aios_writer_open(buffer, &writer));
        return new RecordWriter(writer);
    }

    /// <summary>Closes it; what was put and is not committed is gone. What came of it lives on.</summary>
    public void Dispose() => _handle.Dispose();
}
