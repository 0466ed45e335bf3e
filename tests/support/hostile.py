"""Texts that try to run a script, load something, or get out of the element that they stand in."""

HOSTILE = [
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "[press](javascript:window.hacked=1) <javascript:window.hacked=1> ![x](http://127.0.0.1:9/x.png)",
    "</script><script>window.hacked = 1</script><!-- <script>",
    '"><svg onload=window.hacked=1> {{ program }} {{ data }}',
    "<b onclick='window.hacked=1' style='position:fixed;inset:0'>x</b>\n\n<iframe "
    "srcdoc='<script>parent.hacked=1</script>'></iframe>",
]
