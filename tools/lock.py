"""Write constraints.txt: every version of the tested environment, for every Python and system that settings.ini admits. Run by `make lock`.

Left out is what PyTorch's own CUDA build pins for itself: a machine that needs it gets it with torch.
"""
import re, subprocess, sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent
TORCH = 'torch==2.13.0'

cfg = ConfigParser(interpolation=None)
cfg.read(root/'settings.ini')
cfg = cfg['DEFAULT']
wanted = [TORCH] + [o for k in cfg if k.endswith('requirements') for o in cfg[k].split() if not o.startswith('torch>')]
cmd = [sys.executable, '-m', 'uv', 'pip', 'compile', '-q', '--universal', '--no-annotate', '--no-header', '--upgrade',
       '--python-version', cfg['min_python'], '-']
locked = subprocess.run(cmd, input='\n'.join(wanted), text=True, capture_output=True)
if locked.returncode: sys.exit(locked.stderr)
lines = [o for o in locked.stdout.splitlines() if not re.match('nvidia-|cuda-|triton', o)]
(root/'constraints.txt').write_text('# The tested environment, written by `make lock`. pip reads it with -c.\n' + '\n'.join(lines) + '\n')
print(f'{len(lines)} versions in constraints.txt')
