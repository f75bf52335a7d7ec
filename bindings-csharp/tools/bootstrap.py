"""Compiles the compiler: Roslyn in this Python, by pythonnet, makes `compiler.dll` of its one source.

    python3 bootstrap.py DOTNET ROSLYN SOURCE OUT
"""

import os
import sys

os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
dotnet, roslyn, source, out = sys.argv[1:]
configuration = os.path.join(out, "compiler.runtimeconfig.json")

from clr_loader import get_coreclr  # noqa: E402
from pythonnet import set_runtime  # noqa: E402

set_runtime(get_coreclr(runtime_config=configuration, dotnet_root=dotnet))
import clr  # noqa: E402

sys.path.append(roslyn)
clr.AddReference("Microsoft.CodeAnalysis")
clr.AddReference("Microsoft.CodeAnalysis.CSharp")
from Microsoft.CodeAnalysis import DiagnosticSeverity, MetadataReference, OutputKind, SyntaxTree  # noqa: E402
from Microsoft.CodeAnalysis.CSharp import (  # noqa: E402
    CSharpCompilation,
    CSharpCompilationOptions,
    CSharpParseOptions,
    CSharpSyntaxTree,
    LanguageVersion,
)
from System.Collections.Generic import List  # noqa: E402
from System.IO import File, MemoryStream  # noqa: E402

references = List[MetadataReference]()
for line in open(os.path.join(out, "framework.txt"), encoding="utf-8"):
    references.Add(MetadataReference.CreateFromFile(line.strip()))
for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"):
    references.Add(MetadataReference.CreateFromFile(os.path.join(roslyn, name + ".dll")))
trees = List[SyntaxTree]()
options = CSharpParseOptions(LanguageVersion.CSharp12)
trees.Add(CSharpSyntaxTree.ParseText(open(source, encoding="utf-8").read(), options, source))
compilation = CSharpCompilation.Create(
    "compiler", trees, references, CSharpCompilationOptions(OutputKind.ConsoleApplication)
)
assembly = MemoryStream()
result = compilation.Emit(assembly)
for one in result.Diagnostics:
    if one.Severity == DiagnosticSeverity.Error:
        print(one.ToString(), file=sys.stderr)
if not result.Success:
    sys.exit(1)
File.WriteAllBytes(os.path.join(out, "compiler.dll"), assembly.ToArray())
