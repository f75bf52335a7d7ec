namespace Aios;

/// <summary>
/// Where one instance of the service lives: made of the user and the data folder. Another folder is another instance.
/// </summary>
public sealed class Place
{
    private const string HomeVariable = "AIOS_HOME";
    private readonly string _prefix;

    private Place(string folder)
    {
        Folder = SystemCalls.Canonical(folder);
        _prefix = $"aios-{SystemCalls.User()}-{SystemCalls.Digest(Folder)}-";
    }

    /// <summary>The data folder, without links.</summary>
    public string Folder { get; }

    /// <summary>The instance of this user: of the folder that `AIOS_HOME` names, or else the usual one.</summary>
    /// <exception cref="AiosException">There is no such folder, or `AIOS_HOME` is empty.</exception>
    public static Place Current()
    {
        string? named = Environment.GetEnvironmentVariable(HomeVariable);
        if (named is "")
            throw new AiosException(AiosStatus.NoPlace, $"`{HomeVariable}` is empty: nothing is remembered or published");
        return new Place(named ?? UsualFolder());
    }

    /// <summary>The instance of a data folder.</summary>
    /// <exception cref="AiosException">There is no such folder.</exception>
    public static Place Of(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new Place(folder);
    }

    /// <summary>Of one of its segments: `aios-1000-0f3a9c71-state`.</summary>
    internal string Name(string what) => _prefix + what;

    /// <summary>Where locks are.</summary>
    internal string RunFolder => Path.Combine(Folder, "live");

    private static string UsualFolder()
    {
        string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsMacOS()) data = Path.Combine(home, "Library", "Application Support");
        if (data.Length == 0) throw new AiosException(AiosStatus.NoPlace, "there is no home folder", $"set `{HomeVariable}`");
        return Path.Combine(data, "aios");
    }
}
