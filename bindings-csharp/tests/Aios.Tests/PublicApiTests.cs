using System.Reflection;
using System.Runtime.CompilerServices;

namespace Aios.Tests;

/// <summary>What programs can use of the assemblies is committed, and changed by intent: `AIOS_BLESS=1` writes it anew.</summary>
public sealed class PublicApiTests : AiosTest
{
    [Theory]
    [InlineData("Aios")]
    [InlineData("Aios.Presentation")]
    public void IsTheCommittedOne(string name)
    {
        string path = Path.Combine(Peer.Variable("AIOS_TEST_SOURCES"), name, "PublicApi.txt");
        string now = string.Join("\n", Lines(Assembly.Load(name))) + "\n";
        if (Environment.GetEnvironmentVariable("AIOS_BLESS") != null) File.WriteAllText(path, now);
        string committed = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        foreach (string line in now.Split('\n').Except(committed.Split('\n'))) Assert.True(false, $"not in {path}: {line}");
        foreach (string line in committed.Split('\n').Except(now.Split('\n'))) Assert.True(false, $"in {path} alone: {line}");
        Assert.Equal(committed, now);
    }

    private static IEnumerable<string> Lines(Assembly assembly) =>
        from type in assembly.GetExportedTypes()
        from line in Lines(type)
        orderby line.Split('(')[0], line
        select line;

    private static IEnumerable<string> Lines(Type type)
    {
        yield return $"{type.FullName}: {string.Join(", ", new[] { type.BaseType }.Concat(type.GetInterfaces()).OfType<Type>().Select(Name).Order())}";
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        foreach (MemberInfo member in type.GetMembers(All))
        {
            if (member.IsDefined(typeof(CompilerGeneratedAttribute)) && member is not MethodInfo { IsSpecialName: true }) continue;
            string? line = member switch
            {
                FieldInfo { IsPublic: true, IsSpecialName: false } field => $"{field.Name}: {Name(field.FieldType)}{Constant(field)}",
                ConstructorInfo { IsPublic: true } constructor => $"new({Parameters(constructor)})",
                MethodInfo method when method.IsPublic || method.IsFamily => $"{method.Name}({Parameters(method)}): {Name(method.ReturnType)}",
                _ => null,
            };
            if (line != null) yield return $"{type.FullName}.{line}";
        }
    }

    private static string Constant(FieldInfo field) => field.IsLiteral ? $" = {Convert.ToString(field.GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture)}" : "";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(one => $"{Name(one.ParameterType)} {one.Name}{(one.IsOptional ? "?" : "")}"));

    private static string Name(Type type)
    {
        if (type.IsByRef) return "ref " + Name(type.GetElementType()!);
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (!type.IsGenericType) return type.IsGenericParameter ? type.Name : type.Name;
        return $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
