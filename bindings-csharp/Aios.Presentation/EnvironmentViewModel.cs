namespace Aios.Presentation;

/// <summary>A row of the list: an environment, and what is wrong with it.</summary>
public sealed class EnvironmentViewModel : ObservableObject
{
    private PythonEnvironment _environment;

    internal EnvironmentViewModel(PythonEnvironment environment) => _environment = environment;

    /// <summary>The environment as it was published last.</summary>
    public PythonEnvironment Environment => _environment;

    /// <summary>The same as long as it is there.</summary>
    public string Id => _environment.Id;

    /// <summary>`sys.prefix`.</summary>
    public string Prefix => _environment.Prefix;

    /// <summary>What made it.</summary>
    public string Kind => _environment.Kind;

    /// <summary>The name its tool gives it; empty where there is none.</summary>
    public string Name => _environment.Name ?? "";

    /// <summary>The version of Python; empty where it is not known.</summary>
    public string Version => _environment.Version ?? "";

    /// <summary>How well it is.</summary>
    public Health Health => _environment.Health;

    /// <summary>What is wrong with it, the worst first.</summary>
    public IReadOnlyList<Finding> Findings => _environment.Findings;

    /// <summary>The worst finding in a sentence; empty when it is healthy.</summary>
    public string Summary => Findings.Count == 0 ? "" : Findings[0].Message;

    /// <summary>It is broken, and one to repair.</summary>
    public bool CanRepair => Health == Health.Broken && _environment.Traits.HasFlag(EnvironmentTraits.Repairable);

    /// <summary>Shows what is newer; tells what is another.</summary>
    internal void Update(PythonEnvironment newer)
    {
        PythonEnvironment before = _environment;
        if (ReferenceEquals(before, newer)) return;
        (string summary, bool canRepair) = (Summary, CanRepair);
        _environment = newer;
        if (before.Kind != newer.Kind) Tell(nameof(Kind));
        if (before.Name != newer.Name) Tell(nameof(Name));
        if (before.Version != newer.Version) Tell(nameof(Version));
        if (before.Health != newer.Health) Tell(nameof(Health));
        if (!before.Findings.SequenceEqual(newer.Findings, FindingComparer.Default)) Tell(nameof(Findings));
        if (summary != Summary) Tell(nameof(Summary));
        if (canRepair != CanRepair) Tell(nameof(CanRepair));
    }

    /// <summary>Records compare their lists by reference.</summary>
    private sealed class FindingComparer : IEqualityComparer<Finding>
    {
        internal static readonly FindingComparer Default = new();

        public bool Equals(Finding? one, Finding? other) =>
            ReferenceEquals(one, other)
            || one != null && other != null && one.Paths.SequenceEqual(other.Paths) && one with { Paths = other.Paths } == other;

        public int GetHashCode(Finding one) => one.Message.GetHashCode(StringComparison.Ordinal);
    }
}
