using System.Windows;

namespace Aios.Wpf;

/// <summary>The program.</summary>
public partial class App : Application;
