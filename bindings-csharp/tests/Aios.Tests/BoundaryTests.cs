using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Aios.Native;

namespace Aios.Tests;

/// <summary>What C# says of the library is what Rust says of it.</summary>
public sealed unsafe class BoundaryTests : AiosTest
{
    /// <summary>`name number` for each size, and each offset as `name.field number`: made by `cargo test` of Rust's sources.</summary>
    private static Dictionary<string, int> Layouts => File.ReadLines(Peer.Variable("AIOS_TEST_LAYOUTS"))
        .Select(line => line.Split(' '))
        .ToDictionary(words => words[0], words => int.Parse(words[1], CultureInfo.InvariantCulture));

    [Fact]
    public void StructsAreAsInRust()
    {
        Dictionary<string, int> layouts = Layouts;
        int compared = 0;
        foreach (Type type in typeof(NativeStr).Assembly.GetTypes().Where(type => type is { Namespace: "Aios.Native", IsValueType: true, IsNested: false }))
        {
            string name = SnakeCase(type.Name.Replace("Native", "Aios"));
            Assert.Equal(layouts[name], Marshal.SizeOf(type));
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            {
                string place = $"{name}.{SnakeCase(field.Name)}";
                Assert.True(layouts.TryGetValue(place, out int offset), $"{place} is not in Rust");
                Assert.True(offset == (int)Marshal.OffsetOf(type, field.Name), place);
                compared++;
            }
            int fields = layouts.Keys.Count(key => key.StartsWith(name + ".", StringComparison.Ordinal));
            Assert.True(fields == type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length, name);
        }
        Assert.True(compared > 120, $"{compared}");
    }

    [Fact]
    public void WhatIsSharedIsAsInRust()
    {
        Dictionary<string, int> layouts = Layouts;
        Assert.Equal(layouts["metrics"], sizeof(MetricFrame));
        Assert.Equal(layouts["metrics.values"], (int)Marshal.OffsetOf<MetricFrame>("Values"));
        var frame = new MetricFrame();
        Assert.Equal(layouts["metrics.flag"], (int)(&frame.Flag - (byte*)&frame));
        Assert.Equal(layouts["state.header"], StateBytes.HeaderBytes);
        Assert.Equal(layouts["state.environment"], StateBytes.EnvironmentBytes);
        Assert.Equal(layouts["state.finding"], StateBytes.FindingBytes);
        Assert.Equal(layouts["state.problem"], StateBytes.ProblemBytes);
        Assert.Equal(layouts["state.text"], StateBytes.TextBytes);
    }

    [Fact]
    public void ImportsAreExportedAndNothingIsConverted()
    {
        nint library = AiosLibrary.Open(Peer.Variable("AIOS_TEST_LIBRARY"));
        Assert.True(typeof(NativeStr).Assembly.IsDefined(typeof(DisableRuntimeMarshallingAttribute)));
        MethodInfo[] imports = typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(method => method.IsDefined(typeof(DllImportAttribute))).ToArray();
        Assert.True(imports.Length > 50, $"{imports.Length}");
        foreach (MethodInfo import in imports)
        {
            Assert.True(NativeLibrary.TryGetExport(library, import.Name, out _), $"{import.Name} is not exported");
            DllImportAttribute how = import.GetCustomAttribute<DllImportAttribute>()!;
            Assert.False(how.SetLastError, import.Name);
            foreach (Type type in import.GetParameters().Select(parameter => parameter.ParameterType).Append(import.ReturnType))
                Assert.True(IsBlittable(type), $"{import.Name} has a {type}");
        }
        NativeLibrary.Free(library);
    }

    private static bool IsBlittable(Type type) =>
        type.IsPointer || type.IsEnum || type == typeof(nint) || type == typeof(nuint)
        || type.IsPrimitive && type != typeof(bool) && type != typeof(char)
        || type.IsValueType && type.Namespace == "Aios.Native"
        && type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).All(field => IsBlittable(field.FieldType));

    /// <summary>Measured and printed: what is asserted is that it is measured.</summary>
    [Fact]
    public void ACallFromCSharpIsMeasured()
    {
        const int Calls = 20_000_000;
        LibraryTest.UseLibrary();
        AiosLibrary.Load();
        uint sum = 0;
        double best = double.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int call = 0; call < Calls; call++) sum += NativeMethods.aios_abi_version();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / Calls);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a call from C# takes {best:F2} ns; in C {Peer.Variable("AIOS_TEST_CALL_NS")} ns"));
        Assert.Equal(unchecked(0x0001_0000u * (uint)(5L * Calls)), sum);
    }

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        foreach (char one in name)
        {
            if (char.IsUpper(one) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(one));
        }
        return text.ToString();
    }
}
