using System.Text;
using Aios.Native;

namespace Aios;

/// <summary>One fact about an environment that somebody should know.</summary>
/// <param name="Code">Its code (`pyvenv-cfg-missing`). Codes are added, never renamed.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Message">The evidence in one sentence.</param>
/// <param name="Meaning">What the code means, in one phrase.</param>
/// <param name="Effect">What it causes.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Paths">The files and folders concerned.</param>
public sealed record Finding(
    string Code, Severity Severity, string Message, string Meaning, string Effect, string Remedy, IReadOnlyList<string> Paths)
{
    internal static unsafe Finding Of(in NativeFinding one) => new(
        one.Code.ToString(), (Severity)one.Severity, one.Message.ToString(), one.Meaning.ToString(), one.Effect.ToString(),
        one.Remedy.ToString(), NativeStr.Strings(one.Paths, one.PathCount));

    internal static Finding Of(FindingRecord one)
    {
        var paths = new string[one.Paths.Count];
        for (int index = 0; index < paths.Length; index++) paths[index] = one.Paths[index].ToString();
        return new Finding(one.Code.ToString(), one.Severity, one.Message.ToString(), one.Meaning.ToString(), one.Effect.ToString(),
            one.Remedy.ToString(), paths);
    }
}

/// <summary>Something that could not be looked at. The rest stands.</summary>
/// <param name="Path">What it is.</param>
/// <param name="Message">Why, in one sentence.</param>
public sealed record Problem(string Path, string Message);

/// <summary>An environment, and what is wrong with it: a copy, which needs nothing any more. What is not known is <c>null</c>.</summary>
public sealed record PythonEnvironment
{
    private readonly byte[] _prefix;

    private PythonEnvironment(ReadOnlySpan<byte> prefix)
    {
        _prefix = prefix.ToArray();
        Prefix = Encoding.UTF8.GetString(prefix);
    }

    /// <summary>The same on every run.</summary>
    public string Id { get; private init; } = "";

    /// <summary>What made it (`venv`, `conda-env`, `uv-managed`).</summary>
    public string Kind { get; private init; } = "";

    /// <summary>The name its tool gives it.</summary>
    public string? Name { get; private init; }

    /// <summary>`sys.prefix`. To be shown: what is not Unicode is replaced. Who is given the environment has all its bytes.</summary>
    public string Prefix { get; }

    /// <summary>`sys.executable`.</summary>
    public string? Executable { get; private init; }

    /// <summary>The version of Python, as exact as files tell it (`3.12.3`).</summary>
    public string? Version { get; private init; }

    /// <summary>`sys.implementation.name` (`cpython`).</summary>
    public string? Implementation { get; private init; }

    /// <summary>What the interpreter was built for (`x86_64`).</summary>
    public string? Architecture { get; private init; }

    /// <summary>`sys.base_prefix`.</summary>
    public string? BasePrefix { get; private init; }

    /// <summary>The tool that owns it.</summary>
    public string? Manager { get; private init; }

    /// <summary>The folder of the project that it belongs to.</summary>
    public string? Project { get; private init; }

    /// <summary>The worst finding in one word.</summary>
    public Health Health { get; internal init; }

    /// <summary>What is true of it.</summary>
    public EnvironmentTraits Traits { get; private init; }

    /// <summary>What is wrong with it, the worst first.</summary>
    public IReadOnlyList<Finding> Findings { get; internal init; } = [];

    /// <summary>The bytes of the prefix as the system has them.</summary>
    internal ReadOnlySpan<byte> PrefixBytes => _prefix;

    internal static PythonEnvironment Of(in NativeEnvironment one, IReadOnlyList<Finding> findings) => new(one.Prefix.Span)
    {
        Id = one.Id.ToString(),
        Kind = one.Kind.ToString(),
        Name = one.Name.OrNull(),
        Executable = one.Executable.OrNull(),
        Version = one.Version.OrNull(),
        Implementation = one.Implementation.OrNull(),
        Architecture = one.Architecture.OrNull(),
        BasePrefix = one.BasePrefix.OrNull(),
        Manager = one.Manager.OrNull(),
        Project = one.Project.OrNull(),
        Health = (Health)one.Health,
        Traits = (EnvironmentTraits)one.Flags,
        Findings = findings,
    };

    /// <summary>A copy of what stands in shared memory.</summary>
    public static PythonEnvironment Of(EnvironmentRecord one)
    {
        var findings = new Finding[one.Findings.Count];
        for (int index = 0; index < findings.Length; index++) findings[index] = Finding.Of(one.Findings[index]);
        return new PythonEnvironment(one.Prefix.Bytes)
        {
            Id = Encoding.UTF8.GetString(one.Id),
            Kind = one.Kind.ToString(),
            Name = one.Name.ToStringOrNull(),
            Executable = one.Executable.ToStringOrNull(),
            Version = one.Version.ToStringOrNull(),
            Implementation = one.Implementation.ToStringOrNull(),
            Architecture = one.Architecture.ToStringOrNull(),
            BasePrefix = one.BasePrefix.ToStringOrNull(),
            Manager = one.Manager.ToStringOrNull(),
            Project = one.Project.ToStringOrNull(),
            Health = one.Health,
            Traits = one.Traits,
            Findings = findings,
        };
    }
}

/// <summary>What was found.</summary>
/// <param name="Environments">Sorted by prefix.</param>
/// <param name="Problems">What could not be looked at.</param>
public sealed record Inspection(IReadOnlyList<PythonEnvironment> Environments, IReadOnlyList<Problem> Problems)
{
    /// <summary>Copies a list of the library, and closes it.</summary>
    internal static unsafe Inspection Take(nint environments)
    {
        using var list = new NativeHandle(environments, &NativeMethods.aios_environments_close);
        nuint count;
        NativeError.Check(NativeMethods.aios_environments_count(list.Value, &count));
        var all = new PythonEnvironment[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var one = new NativeEnvironment { StructSize = (nuint)sizeof(NativeEnvironment) };
            NativeError.Check(NativeMethods.aios_environments_get(list.Value, index, &one));
            var findings = new Finding[checked((int)one.FindingCount)];
            for (nuint at = 0; at < one.FindingCount; at++)
            {
                var finding = new NativeFinding { StructSize = (nuint)sizeof(NativeFinding) };
                NativeError.Check(NativeMethods.aios_environments_finding(list.Value, index, at, &finding));
                findings[(int)at] = Finding.Of(finding);
            }
            all[(int)index] = PythonEnvironment.Of(one, findings);
        }
        NativeError.Check(NativeMethods.aios_environments_problem_count(list.Value, &count));
        var problems = new Problem[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var problem = new NativeProblem { StructSize = (nuint)sizeof(NativeProblem) };
            NativeError.Check(NativeMethods.aios_environments_problem(list.Value, index, &problem));
            problems[(int)index] = new Problem(problem.Path.ToString(), problem.Message.ToString());
        }
        return new Inspection(all, problems);
    }
}
