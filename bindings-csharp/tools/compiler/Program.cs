// Compiles C# with Roslyn's libraries, by the options of `csc`: each argument is a file with one option a line.
//
// The package that has the libraries has no `csc` in it.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

static class Program
{
    static int Main(string[] files)
    {
        string libraries = Environment.GetEnvironmentVariable("AIOS_ROSLYN") ?? AppContext.BaseDirectory;
        AssemblyLoadContext.Default.Resolving += (context, name) =>
        {
            string path = Path.Combine(libraries, name.Name + ".dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        return files.All(Compiler.Compiles) ? 0 : 1;
    }
}

// Apart from `Main`, which must run before a type of Roslyn is looked for.
static class Compiler
{
    internal static bool Compiles(string optionsFile)
    {
        string[] options = File.ReadAllLines(optionsFile);
        var arguments = CSharpCommandLineParser.Default.Parse(options, Directory.GetCurrentDirectory(), null);
        if (Show(arguments.Errors)) return false;

        var references = arguments.MetadataReferences.Select(
            reference => MetadataReference.CreateFromFile(reference.Reference, reference.Properties));
        var trees = arguments.SourceFiles.Select(file => CSharpSyntaxTree.ParseText(
            SourceText.From(File.OpenRead(file.Path), Encoding.UTF8),
            arguments.ParseOptions,
            file.Path));
        string name = arguments.OutputFileName!;
        var compilation = CSharpCompilation.Create(
            Path.GetFileNameWithoutExtension(name),
            trees,
            references,
            arguments.CompilationOptions.WithModuleName(name));

        using var assembly = new MemoryStream();
        using var symbols = new MemoryStream();
        using var documentation = new MemoryStream();
        bool documents = arguments.DocumentationPath != null;
        var emitted = compilation.Emit(
            assembly,
            symbols,
            documents ? documentation : null,
            options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb));
        if (Show(emitted.Diagnostics) || !emitted.Success) return false;

        string path = Path.Combine(arguments.OutputDirectory, name);
        File.WriteAllBytes(path, assembly.ToArray());
        File.WriteAllBytes(Path.ChangeExtension(path, ".pdb"), symbols.ToArray());
        if (documents) File.WriteAllBytes(arguments.DocumentationPath!, documentation.ToArray());
        return true;
    }

    // Whether there is an error among them.
    static bool Show(IEnumerable<Diagnostic> diagnostics)
    {
        var shown = diagnostics
            .Where(one => one.Severity >= DiagnosticSeverity.Warning && !one.IsSuppressed)
            .ToList();
        foreach (var one in shown) Console.Error.WriteLine(one);
        return shown.Any(one => one.Severity == DiagnosticSeverity.Error);
    }
}
