using System.Threading;
using System.Windows;
using Aios.Presentation;

namespace Aios.Wpf;

/// <summary>The window: everything that it shows and does is bound to view models.</summary>
public partial class MainWindow : Window
{
    private readonly MonitorViewModel _monitor;

    /// <summary>Made on the thread of the user interface, whose context the view models are given.</summary>
    public MainWindow()
    {
        InitializeComponent();
        _monitor = new MonitorViewModel(new PublishedSource(), new Engine(), SynchronizationContext.Current!);
        DataContext = _monitor;
        Loaded += (_, _) => _monitor.Snapshots.ListCommand.Execute();
        Closed += (_, _) => _monitor.Dispose();
    }
}
