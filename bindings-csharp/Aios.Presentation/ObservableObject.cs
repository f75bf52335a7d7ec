using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace Aios.Presentation;

/// <summary>Tells when a property is another. Everything of a view model happens on its synchronization context.</summary>
public abstract class ObservableObject : INotifyPropertyChanged
{
    /// <summary>A property is another.</summary>
    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>Sets a property; tells it if it is another than before.</summary>
    protected bool Set<T>(ref T field, T value, [CallerMemberName] string name = "")
    {
        if (EqualityComparer<T>.Default.Equals(field, value)) return false;
        field = value;
        Tell(name);
        return true;
    }

    /// <summary>Tells that a property is another.</summary>
    protected void Tell(string name) => PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(name));
}
