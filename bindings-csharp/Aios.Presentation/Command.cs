using System.Windows.Input;

namespace Aios.Presentation;

/// <summary>What a button does: its work runs beside the user interface, and what came of it is shown there.</summary>
public sealed class Command : ICommand
{
    private readonly Func<Task> _run;
    private readonly Func<bool> _can;
    private bool _isRunning;

    internal Command(Func<Task> run, Func<bool> can) => (_run, _can) = (run, can);

    /// <inheritdoc/>
    public event EventHandler? CanExecuteChanged;

    /// <inheritdoc/>
    public bool CanExecute(object? parameter = null) => !_isRunning && _can();

    /// <inheritdoc/>
    public void Execute(object? parameter = null) => _ = ExecuteAsync();

    /// <summary>The same; the task ends when what came of it is shown.</summary>
    public async Task ExecuteAsync()
    {
        if (!CanExecute()) return;
        _isRunning = true;
        Refresh();
        try
        {
            await _run().ConfigureAwait(true);
        }
        finally
        {
            _isRunning = false;
            Refresh();
        }
    }

    /// <summary>Whether it can be executed may be another.</summary>
    internal void Refresh() => CanExecuteChanged?.Invoke(this, EventArgs.Empty);
}
