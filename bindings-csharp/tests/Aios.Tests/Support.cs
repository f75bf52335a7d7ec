global using System;
global using System.Collections.Generic;
global using System.IO;
global using System.Linq;
global using System.Threading;
global using System.Threading.Tasks;
global using Xunit;

using System.Diagnostics;

// What is open is counted for the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Aios.Tests;

/// <summary>A test after which nothing is open that was not before.</summary>
public abstract class AiosTest : IDisposable
{
    private readonly int _openBefore = OpenHandles.Count;

    public void Dispose()
    {
        Ended();
        Assert.Equal(_openBefore, OpenHandles.Count);
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes what the test has.</summary>
    protected virtual void Ended() { }
}

/// <summary>
/// Another process, in Rust: it publishes and appends what it is told, and has a home folder with a broken environment and a
/// healthy one below `work`. `cargo test` says which program that is.
/// </summary>
internal sealed class Peer : IDisposable
{
    private const string Program = "AIOS_TEST_PEER";
    private readonly Process _process;

    internal Peer()
    {
        string program = Variable(Program);
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (string argument in (string[])["--exact", "csharp::peer::does_what_it_is_told", "--nocapture"])
            start.ArgumentList.Add(argument);
        start.Environment["AIOS_TEST_ROLE"] = "told";
        // Windows has no empty variables.
        start.Environment["AIOS_TEST_FOLDER"] = ".";
        _process = Process.Start(start)!;
        Home = Answer();
    }

    /// <summary>What `cargo test` says by a variable.</summary>
    internal static string Variable(string name) =>
        Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException(
            $"`{name}` is not set: `cargo test --test integration csharp` runs these tests");

    internal string Home { get; }

    internal string Data => Path.Combine(Home, "data");

    internal string Work => Path.Combine(Home, "work");

    internal string Broken => Path.Combine(Home, "work", "broken", ".venv");

    internal string Healthy => Path.Combine(Home, "work", "healthy", ".venv");

    internal Place Place => Place.Of(Data);

    /// <summary>Tells it something, and waits for the answer.</summary>
    internal string Tell(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        return Answer();
    }

    private string Answer()
    {
        // The harness of the tests writes to the same stream, and in the same line before the first.
        while (_process.StandardOutput.ReadLine() is { } line)
            if (line.IndexOf("= ", StringComparison.Ordinal) is var at && at >= 0) return line[(at + 2)..];
        throw new InvalidOperationException("the peer ended");
    }

    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}

/// <summary>A test beside such a process.</summary>
public abstract class PeerTest : AiosTest
{
    private protected Peer Peer { get; } = new();

    protected override void Ended() => Peer.Dispose();
}
