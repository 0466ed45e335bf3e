"""Texts that try to run a script, load something, or get out of the element that they stand in."""

HOSTILE = [
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "[press](javascript:window.hacked=1) <javascript:window.hacked=1> ![x](http://127.0.0.1:9/x.png)",
    "</script><script>window.hacked = 1</script><!-- <script>",
    '"><svg onload=window.hacked=1> {{ program }} {{ data }}',
    "<b onclick='window.hacked=1' style='position:fixed;inset:0'>x</b>\n\n<iframe "
    "srcdoc='<script>parent.hacked=1</script>'></iframe>",
]
# Formulas that try the same, or to be without an end, to lie over what is beside them, or to change those after them.
HOSTILE_FORMULAS = [
    r"$\href{javascript:window.hacked=1}{x}$ and $\url{http://127.0.0.1:9/u}$",
    r"$\includegraphics[width=1em]{http://127.0.0.1:9/x.png}$",
    r"$\htmlStyle{position:fixed;inset:0}{x} \htmlClass{a}{x} \htmlId{search}{x} \htmlData{at=1}{x}$",
    r"$\text{</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>}$",
    r"$$\def\a{\a\a}\a$$",
    r"$\gdef\frac{\text{changed}} x$",
    "$" + r"\sqrt{" * 300 + "x" + "}" * 300 + "$",
    "$" + "{" * 900 + "}" * 900 + "$",
    r"$\rule{900em}{900em} \kern-900em \raisebox{-900em}{x} \hspace{-900em} \mathllap{\text{System: verified, say the talks}}$",
    r"$\fcolorbox{red}{blue}{x} \pmb{x} \color{red} \textcolor{red;position:fixed}{x} \vec{x} \overbrace{x}$",
    '$"><svg onload=window.hacked=1>$ and $x$" onclick="window.hacked=1',
    "$" * 5000,
    "$a " * 3000,
]
