namespace Aios;

/// <summary>An environment of a <see cref="PinnedState"/>, in place. What is not known is absent.</summary>
public readonly ref struct EnvironmentRecord
{
    private readonly StateBytes _of;
    private readonly int _at;

    internal EnvironmentRecord(StateBytes of, int at)
    {
        _of = of;
        _at = at;
    }

    /// <summary>Its identity, sixteen hexadecimal digits: the same on every run.</summary>
    public ReadOnlySpan<byte> Id => _of.Slice(_at, 16);

    /// <summary>The worst finding in one word. One of a later version is worse than what was known.</summary>
    public Health Health => _of.Byte(_at + 16) switch
    {
        0 => Health.Healthy,
        1 => Health.Warning,
        _ => Health.Broken,
    };

    /// <summary>What is true of it.</summary>
    public EnvironmentTraits Traits => (EnvironmentTraits)_of.Byte(_at + 17);

    /// <summary>The numeric owner of the prefix; <c>null</c> where nobody is known.</summary>
    public uint? Owner => _of.Word(_at + 20) is var owner && owner != uint.MaxValue ? owner : null;

    /// <summary>What made it (`venv`, `conda-env`, `uv-managed`).</summary>
    public Utf8Text Kind => _of.Text(_at + 24);

    /// <summary>The name its tool gives it.</summary>
    public Utf8Text Name => _of.Text(_at + 32);

    /// <summary>`sys.prefix`: a path.</summary>
    public Utf8Text Prefix => _of.Text(_at + 40);

    /// <summary>`sys.executable`: a path.</summary>
    public Utf8Text Executable => _of.Text(_at + 48);

    /// <summary>The version of Python, as exact as files tell it.</summary>
    public Utf8Text Version => _of.Text(_at + 56);

    /// <summary>`sys.implementation.name`.</summary>
    public Utf8Text Implementation => _of.Text(_at + 64);

    /// <summary>`t` for a free-threaded build.</summary>
    public Utf8Text AbiFlags => _of.Text(_at + 72);

    /// <summary>What the interpreter was built for.</summary>
    public Utf8Text Architecture => _of.Text(_at + 80);

    /// <summary>`sys.base_prefix`: a path.</summary>
    public Utf8Text BasePrefix => _of.Text(_at + 88);

    /// <summary>The interpreter that runs in the end: a path.</summary>
    public Utf8Text BaseExecutable => _of.Text(_at + 96);

    /// <summary>The identity of the base installation.</summary>
    public Utf8Text BaseId => _of.Text(_at + 104);

    /// <summary>The tool that owns it.</summary>
    public Utf8Text Manager => _of.Text(_at + 112);

    /// <summary>The folder of the project that it belongs to: a path.</summary>
    public Utf8Text Project => _of.Text(_at + 120);

    /// <summary>Program and version that created it.</summary>
    public Utf8Text CreatedBy => _of.Text(_at + 128);

    /// <summary>What is wrong with it, the worst first.</summary>
    public FindingRecords Findings => new(_of, _of.Run(_at + 136, StateBytes.Findings));

    /// <summary>Other names of the same prefix: paths.</summary>
    public TextRecords Aliases => new(_of, _of.Run(_at + 144, StateBytes.Texts));

    /// <summary>The folders that distributions are installed into: paths.</summary>
    public TextRecords SitePackages => new(_of, _of.Run(_at + 152, StateBytes.Texts));

    /// <summary>Why it was found: two texts each, the source, and how in words.</summary>
    public TextRecords FoundBy => new(_of, _of.Run(_at + 160, StateBytes.Texts));

    /// <summary>How many findings are errors.</summary>
    public uint Errors => _of.Word(_at + 168);

    /// <summary>How many findings are warnings.</summary>
    public uint Warnings => _of.Word(_at + 172);
}

/// <summary>One fact about an environment that somebody should know, in place.</summary>
public readonly ref struct FindingRecord
{
    private readonly StateBytes _of;
    private readonly int _at;

    internal FindingRecord(StateBytes of, int at)
    {
        _of = of;
        _at = at;
    }

    /// <summary>Its code (`pyvenv-cfg-missing`). Codes are added, never renamed.</summary>
    public Utf8Text Code => _of.Text(_at);

    /// <summary>The evidence in one sentence.</summary>
    public Utf8Text Message => _of.Text(_at + 8);

    /// <summary>What the code means, in one phrase.</summary>
    public Utf8Text Meaning => _of.Text(_at + 16);

    /// <summary>What it causes.</summary>
    public Utf8Text Effect => _of.Text(_at + 24);

    /// <summary>What to do about it.</summary>
    public Utf8Text Remedy => _of.Text(_at + 32);

    /// <summary>The files and folders concerned: paths.</summary>
    public TextRecords Paths => new(_of, _of.Run(_at + 40, StateBytes.Texts));

    /// <summary>`name==version` of what a repair installs again.</summary>
    public TextRecords Distributions => new(_of, _of.Run(_at + 48, StateBytes.Texts));

    /// <summary>How bad it is. One of a later version is worse than what was known.</summary>
    public Severity Severity => _of.Byte(_at + 56) switch
    {
        0 => Severity.Info,
        1 => Severity.Warning,
        _ => Severity.Error,
    };
}

/// <summary>What could not be looked at, and why, in place.</summary>
public readonly ref struct ProblemRecord
{
    internal ProblemRecord(Utf8Text path, Utf8Text message)
    {
        Path = path;
        Message = message;
    }

    /// <summary>What it is: a path.</summary>
    public Utf8Text Path { get; }

    /// <summary>Why, in one sentence.</summary>
    public Utf8Text Message { get; }
}

/// <summary>Findings of an environment, in place.</summary>
public readonly ref struct FindingRecords
{
    private readonly StateBytes _of;
    private readonly uint _first;

    internal FindingRecords(StateBytes of, (uint First, uint Count) run)
    {
        _of = of;
        _first = run.First;
        Count = (int)run.Count;
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>The one at an index from 0.</summary>
    public FindingRecord this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return new FindingRecord(_of, _of.EntryAt(StateBytes.Findings, _first + (uint)index));
        }
    }
}

/// <summary>Several texts, in place.</summary>
public readonly ref struct TextRecords
{
    private readonly StateBytes _of;
    private readonly uint _first;

    internal TextRecords(StateBytes of, (uint First, uint Count) run)
    {
        _of = of;
        _first = run.First;
        Count = (int)run.Count;
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>The one at an index from 0.</summary>
    public Utf8Text this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return _of.Text(_of.EntryAt(StateBytes.Texts, _first + (uint)index));
        }
    }
}
