using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Aios.Presentation;

namespace Aios.Tests;

/// <summary>Every path of a binding in the sample for WPF is a property of the view model that it is bound to.</summary>
public sealed class XamlTests : AiosTest
{
    private const string Blend = "http://schemas.microsoft.com/expression/blend/2008";

    private static string Folder => Path.Combine(Peer.Variable("AIOS_TEST_SOURCES"), "samples", "Aios.Wpf");

    private static string[] Sources => Directory.GetFiles(Folder, "*.xaml").Select(File.ReadAllText).ToArray();

    [Fact]
    public void EveryPathIsThere()
    {
        var bindings = new Bindings();
        foreach (string source in Sources) bindings.Look(source);
        Assert.Empty(bindings.Wrong);
        Assert.True(bindings.Count > 45, $"{bindings.Count}");
    }

    [Fact]
    public void EveryPlantedTypoIsFound()
    {
        int planted = 0;
        foreach (string source in Sources)
        {
            foreach (Match path in Paths().Matches(source))
            {
                string typo = source.Insert(path.Groups[1].Index + path.Groups[1].Length, "z");
                var bindings = new Bindings();
                bindings.Look(typo);
                Assert.True(bindings.Wrong.Count > 0, $"nobody sees that `{path}` is wrong");
                planted++;
            }
        }
        Assert.True(planted > 45, $"{planted}");
    }

    private static Regex Paths() => new(@"(?:\{Binding |DisplayMemberPath="")([A-Za-z.]+)");

    /// <summary>What the code behind is allowed to do: nothing but to make the view model and to give it up.</summary>
    [Fact]
    public void TheCodeBehindIsThin()
    {
        int lines = Directory.GetFiles(Folder, "*.cs").Sum(file => File.ReadLines(file).Count(line => line.Trim().Length > 0));
        Assert.InRange(lines, 10, 40);
    }

    private sealed class Bindings
    {
        internal List<string> Wrong { get; } = [];

        internal int Count { get; private set; }

        internal void Look(string source) => Element(XDocument.Parse(source).Root!, null, null);

        /// <param name="element">Looked at with all below it.</param>
        /// <param name="data">The type of its data context; <c>null</c> where none is known.</param>
        /// <param name="items">The type of the items of the list that it is a part of.</param>
        private void Element(XElement element, Type? data, Type? items)
        {
            if (element.Attribute(XName.Get("DataContext", Blend)) is { } design) data = OfDesign(design.Value);
            if (element.Attribute("DataContext") is { } context) data = Binding(context.Value, data);
            if (element.Attribute("ItemsSource") is { } list) items = ItemOf(Binding(list.Value, data));
            // What is made for each item: templates and columns.
            bool isOfItem = items != null && element.Name.LocalName is "DataTemplate" or "DataGridTextColumn" or "GridViewColumn";
            if (isOfItem) data = items;
            foreach (XAttribute attribute in element.Attributes())
            {
                if (attribute.Name.LocalName is "DataContext" or "ItemsSource") continue;
                if (attribute.Name.LocalName == "DisplayMemberPath") Resolve(attribute.Value, items);
                else if (attribute.Value.StartsWith("{Binding", StringComparison.Ordinal)) Binding(attribute.Value, data);
            }
            foreach (XElement child in element.Elements()) Element(child, data, items);
        }

        /// <summary>`{d:DesignInstance Type=vm:MonitorViewModel}`.</summary>
        private static Type? OfDesign(string value) =>
            typeof(MonitorViewModel).Assembly.GetType("Aios.Presentation." + value.TrimEnd('}').Split(':')[^1]);

        private Type? Binding(string value, Type? data)
        {
            Match path = Paths().Match(value);
            if (path.Success) return Resolve(path.Groups[1].Value, data);
            Wrong.Add($"{value}: has no path that this test reads");
            return null;
        }

        private Type? Resolve(string path, Type? data)
        {
            Count++;
            foreach (string part in path.Split('.'))
            {
                PropertyInfo? property = data?.GetProperty(part);
                if (property == null)
                {
                    Wrong.Add($"`{path}`: {data?.Name ?? "nothing"} has no `{part}`");
                    return null;
                }
                data = property.PropertyType;
            }
            return data;
        }

        private static Type? ItemOf(Type? list) => list?.GetInterfaces().Append(list)
            .FirstOrDefault(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GetGenericArguments()[0];
    }
}
