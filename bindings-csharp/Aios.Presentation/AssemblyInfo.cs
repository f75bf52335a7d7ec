using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Aios.Tests")]
