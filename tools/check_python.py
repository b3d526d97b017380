"Exit with one line unless this Python is new enough. Written for any Python, so that an old one can still say so."
import os, re, sys

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'settings.ini')) as f:
    wanted = re.search(r'min_python *= *(\d+)\.(\d+)', f.read()).groups()
if sys.version_info[:2] < tuple(map(int, wanted)):
    sys.exit('mlp_foundations needs Python %s.%s or newer, this is %d.%d; name another one with: make run PYTHON=python3.12' % (wanted + sys.version_info[:2]))
