using System.Collections.ObjectModel;

namespace Aios.Presentation;

/// <summary>A repair, with its plan shown before: nothing is changed that was not shown.</summary>
public sealed class RepairViewModel : WorkViewModel, IDisposable
{
    private readonly Engine _engine;
    private EnvironmentViewModel? _environment;
    private RepairPlan? _plan;
    private RepairResult? _result;

    internal RepairViewModel(Engine engine, SynchronizationContext ui) : base(ui)
    {
        _engine = engine;
        PlanCommand = new Command(PlanAsync, () => Environment != null);
        ApplyCommand = new Command(ApplyAsync, () => _plan is { Refusal: null, Steps.Count: > 0 });
        UndoCommand = new Command(UndoAsync, () => Environment != null);
    }

    /// <summary>What is to be repaired. Another one makes the plan and the result of the one before gone.</summary>
    public EnvironmentViewModel? Environment
    {
        get => _environment;
        set
        {
            if (!Set(ref _environment, value)) return;
            Show(null);
            Result = null;
            Refresh();
        }
    }

    /// <summary>What would be done, in order and with the evidence.</summary>
    public ObservableCollection<RepairStep> Steps { get; } = [];

    /// <summary>What stays as it is, and what the user can do about it.</summary>
    public ObservableCollection<Unsolved> Unsolved { get; } = [];

    /// <summary>A plan is shown.</summary>
    public bool IsPlanned => _plan != null;

    /// <summary>Why the environment is not touched; empty when it may be, or nothing is planned.</summary>
    public string Refusal => _plan?.Refusal ?? "";

    /// <summary>What became of the repair; <c>null</c> before.</summary>
    public RepairResult? Result
    {
        get => _result;
        private set
        {
            if (Set(ref _result, value)) Tell(nameof(ResultText));
        }
    }

    /// <summary>The same in words; empty before.</summary>
    public string ResultText => _result == null ? "" : $"{_result.Outcome}: {_result.Health}, findings left: {_result.FindingCount}";

    /// <summary>Plans, which changes nothing.</summary>
    public Command PlanCommand { get; }

    /// <summary>Carries out the plan that is shown.</summary>
    public Command ApplyCommand { get; }

    /// <summary>Takes the last repair back.</summary>
    public Command UndoCommand { get; }

    private Task PlanAsync()
    {
        EnvironmentViewModel asked = _environment!;
        PythonEnvironment environment = asked.Environment;
        return Do(() => _engine.PlanRepair(environment), plan =>
        {
            // Another one was selected meanwhile.
            if (_environment != asked) plan.Dispose();
            else Show(plan);
        });
    }

    private Task ApplyAsync()
    {
        RepairPlan plan = _plan!;
        EnvironmentViewModel? asked = _environment;
        return Do(() => plan.Apply(), result =>
        {
            if (_environment != asked) return;
            Result = result;
            Show(null);
        });
    }

    private Task UndoAsync()
    {
        string prefix = _environment!.Prefix;
        return Do<object?>(
            () =>
            {
                _engine.UndoRepair(prefix);
                return null;
            },
            _ =>
            {
                Result = null;
                Show(null);
            });
    }

    private void Show(RepairPlan? plan)
    {
        _plan?.Dispose();
        _plan = plan;
        Steps.Clear();
        Unsolved.Clear();
        foreach (RepairStep step in plan?.Steps ?? []) Steps.Add(step);
        foreach (Unsolved one in plan?.Unsolved ?? []) Unsolved.Add(one);
        Tell(nameof(IsPlanned));
        Tell(nameof(Refusal));
        Refresh();
    }

    internal void Refresh()
    {
        PlanCommand.Refresh();
        ApplyCommand.Refresh();
        UndoCommand.Refresh();
    }

    /// <summary>Closes the plan that is shown.</summary>
    public void Dispose() => _plan?.Dispose();
}
