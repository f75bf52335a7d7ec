using Aios.Native;

namespace Aios;

/// <summary>What the user allows and brings to a repair. Nothing is fetched from a network.</summary>
public sealed record RepairOptions
{
    /// <summary>The base that the environment is to stand on, where several fit.</summary>
    public string? Base { get; init; }

    /// <summary>Folders with wheels.</summary>
    public IReadOnlyList<string> Wheelhouses { get; init; } = [];

    /// <summary>The snapshot that the environment is to be brought back to; 0: it is to be healthy.</summary>
    public ulong Snapshot { get; init; }
}

/// <summary>One step of a plan: changes that belong together.</summary>
/// <param name="Action">What it does (`write-pyvenv-cfg`).</param>
/// <param name="What">For people: what is done, and by what evidence.</param>
/// <param name="Reasons">The codes of the findings that it is for.</param>
/// <param name="Paths">What it changes.</param>
public sealed record RepairStep(string Action, string What, IReadOnlyList<string> Reasons, IReadOnlyList<string> Paths);

/// <summary>A finding that a plan does nothing about.</summary>
/// <param name="Code">Its code.</param>
/// <param name="Hint">What is missing, and the next step of the user.</param>
public sealed record Unsolved(string Code, string Hint);

/// <summary>What became of an environment.</summary>
public enum RepairOutcome
{
    /// <summary>Nothing had to be done, or nothing could be.</summary>
    NothingDone = 1,
    /// <summary>It is healthy, or what it was in the snapshot.</summary>
    Repaired = 2,
    /// <summary>Something is still wrong.</summary>
    Partly = 3,
    /// <summary>The repair made things worse, and was taken back: it is what it was before.</summary>
    TakenBack = 4,
}

/// <summary>What became of a repair.</summary>
/// <param name="Outcome">In one word.</param>
/// <param name="Health">How the environment is now.</param>
/// <param name="FindingCount">How many findings are left.</param>
/// <param name="Rounds">How many plans were carried out: what one fault hid comes to light when that one is gone.</param>
public sealed record RepairResult(RepairOutcome Outcome, Health Health, int FindingCount, int Rounds);

/// <summary>A plan: making one wrote nothing, and it is carried out once.</summary>
public sealed unsafe class RepairPlan : IDisposable
{
    private readonly NativeHandle _handle;
    private readonly NativeProgress _progress;

    /// <summary>Takes both when it succeeds.</summary>
    internal RepairPlan(nint plan, NativeProgress progress)
    {
        _progress = progress;
        _handle = new NativeHandle(plan, &NativeMethods.aios_plan_close);
        try
        {
            var info = new NativePlanInfo { StructSize = (nuint)sizeof(NativePlanInfo) };
            NativeError.Check(NativeMethods.aios_plan_about(plan, &info));
            Prefix = info.Prefix.ToString();
            Refusal = info.Refusal.OrNull();
            Health = (Health)info.Health;
            Steps = ReadSteps(info.StepCount);
            Unsolved = ReadUnsolved(info.UnsolvedCount);
            Findings = ReadFindings(info.FindingCount);
        }
        catch
        {
            _handle.Dispose();
            throw;
        }
    }

    /// <summary>The environment.</summary>
    public string Prefix { get; }

    /// <summary>Why the environment is not touched; <c>null</c> when <see cref="Apply"/> may be called.</summary>
    public string? Refusal { get; }

    /// <summary>How the environment is now.</summary>
    public Health Health { get; }

    /// <summary>What would be done, in order.</summary>
    public IReadOnlyList<RepairStep> Steps { get; }

    /// <summary>What nothing is done about.</summary>
    public IReadOnlyList<Unsolved> Unsolved { get; }

    /// <summary>What is wrong now, the worst first.</summary>
    public IReadOnlyList<Finding> Findings { get; }

    private RepairStep[] ReadSteps(nuint count)
    {
        var all = new RepairStep[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var step = new NativeStep { StructSize = (nuint)sizeof(NativeStep) };
            NativeError.Check(NativeMethods.aios_plan_step(_handle.Value, index, &step));
            all[(int)index] = new RepairStep(
                step.Action.ToString(), step.What.ToString(),
                NativeStr.Strings(step.Reasons, step.ReasonCount), NativeStr.Strings(step.Paths, step.PathCount));
        }
        return all;
    }

    private Unsolved[] ReadUnsolved(nuint count)
    {
        var all = new Unsolved[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var one = new NativeUnsolved { StructSize = (nuint)sizeof(NativeUnsolved) };
            NativeError.Check(NativeMethods.aios_plan_unsolved(_handle.Value, index, &one));
            all[(int)index] = new Unsolved(one.Code.ToString(), one.Hint.ToString());
        }
        return all;
    }

    private Finding[] ReadFindings(nuint count)
    {
        var all = new Finding[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var one = new NativeFinding { StructSize = (nuint)sizeof(NativeFinding) };
            NativeError.Check(NativeMethods.aios_plan_finding(_handle.Value, index, &one));
            all[(int)index] = Finding.Of(one);
        }
        return all;
    }

    /// <summary>
    /// Carries it out, looks again, and keeps the result if it is better. What it replaces or removes is kept below the
    /// prefix: <see cref="Engine.UndoRepair"/> brings it back. When it is cancelled, what it did is taken back.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    public RepairResult Apply(CancellationToken cancellation = default)
    {
        var repaired = new NativeRepaired { StructSize = (nuint)sizeof(NativeRepaired) };
        AiosStatus status;
        using (_progress.CancelledBy(cancellation)) status = NativeMethods.aios_plan_apply(_handle.Value, &repaired);
        NativeError.Check(status, cancellation);
        return new RepairResult(
            (RepairOutcome)repaired.Outcome, (Health)repaired.Health, checked((int)repaired.FindingCount), checked((int)repaired.Rounds));
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        _handle.Dispose();
        _progress.Dispose();
    }
}
