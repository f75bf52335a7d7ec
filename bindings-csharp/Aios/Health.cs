namespace Aios;

/// <summary>How well an environment is.</summary>
public enum Health
{
    /// <summary>It is not there, or not known.</summary>
    None = 0,
    /// <summary>Nothing worse than information.</summary>
    Healthy = 1,
    /// <summary>It works; something is odd.</summary>
    Warning = 2,
    /// <summary>Something does not work.</summary>
    Broken = 3,
}

/// <summary>How bad a finding is.</summary>
public enum Severity
{
    /// <summary>No severity is said.</summary>
    None = 0,
    /// <summary>Odd, and fine.</summary>
    Info = 1,
    /// <summary>Works, and will surprise.</summary>
    Warning = 2,
    /// <summary>Something does not work.</summary>
    Error = 3,
}

/// <summary>What is true of an environment.</summary>
[Flags]
public enum EnvironmentTraits
{
    /// <summary>None of them.</summary>
    None = 0,
    /// <summary>It is marked as managed by the system (PEP 668): nothing is installed there.</summary>
    ExternallyManaged = 1,
    /// <summary>It stands on another installation.</summary>
    Virtual = 2,
    /// <summary>It is one that a repair plans for, if it is the user's own.</summary>
    Repairable = 4,
}
