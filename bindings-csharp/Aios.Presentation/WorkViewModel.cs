namespace Aios.Presentation;

/// <summary>What can be done with an engine: work runs beside the user interface, and what came of it is shown there.</summary>
public abstract class WorkViewModel : ObservableObject
{
    private readonly SynchronizationContext _ui;
    private string _error = "";

    private protected WorkViewModel(SynchronizationContext ui) => _ui = ui;

    /// <summary>Why the last thing that was asked for was not done, and what to do about it; empty when it was.</summary>
    public string Error
    {
        get => _error;
        private set => Set(ref _error, value);
    }

    /// <summary>Does something, then shows it. The task ends when it is shown, and never fails.</summary>
    private protected async Task Do<T>(Func<T> work, Action<T> show)
    {
        Error = "";
        T? result = default;
        string error = "";
        try
        {
            result = await Task.Run(work).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is AiosException or ObjectDisposedException or IOException)
        {
            error = failed.Message;
        }
        await OnUi(() =>
        {
            if (error.Length > 0) Error = error;
            else show(result!);
        }).ConfigureAwait(false);
    }

    private Task OnUi(Action show)
    {
        var shown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ui.Post(_ =>
        {
            try
            {
                show();
                shown.SetResult();
            }
            catch (Exception error)
            {
                // Of whoever listens to the view model: it is told whoever asked for the work.
                shown.SetException(error);
            }
        }, null);
        return shown.Task;
    }
}
