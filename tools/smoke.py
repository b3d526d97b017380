"""Try what would be uploaded, as its users will: run by `make dist`.

    python tools/smoke.py [DIST]      (default: dist)

The wheel is installed in an empty environment, outside of the repository. There, README's example and `mlp_train` run.
Then the sdist is unpacked where there is no git, and a wheel is built from it and installed in the first one's place.
Ends with status 1, and says what failed.
"""
import os, re, subprocess, sys, tarfile, tempfile, venv
from pathlib import Path

root = Path(__file__).resolve().parent.parent

def example(text):
    "The Python example of README"
    return re.search(r'```python\n(.*?)```', text, re.S)[1]

def main(dist=root/'dist'):
    wheel,sdist = (next(Path(dist).resolve().glob(o)) for o in ('*.whl', '*.tar.gz'))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        venv.create(folder/'env', with_pip=True)
        bin = folder/'env'/('Scripts' if os.name=='nt' else 'bin')
        def run(name, *args, cwd=folder):
            res = subprocess.run([bin/name, *map(str, args)], cwd=cwd, capture_output=True, text=True, encoding='utf-8', env={k:v for k,v in os.environ.items() if k!='PYTHONPATH'})
            if res.returncode: sys.exit(f'{name} {args} failed:\n{res.stdout}{res.stderr}')
            return res.stdout
        def tried(what, epochs):
            where = run('python', '-c', 'import mlp_foundations as m; print(m.__file__)')
            if not Path(where.strip()).is_relative_to(folder): sys.exit(f'{what}: not the installed package ran, but {where}')
            said = run('mlp_train', '--epochs', epochs)
            got = float(said.split('test accuracy ')[1].split()[0])
            if got<.9: sys.exit(f'{what}: mlp_train reads only {got:.0%} of the test digits')
            print(f'{what}: installed, and mlp_train reads {got:.1%} of the test digits')
        run('python', '-m', 'pip', 'install', '-q', '--no-compile', '-c', root/'constraints.txt', wheel)
        tried(wheel.name, 1)
        got = run('python', '-c', example((root/'README.md').read_text(encoding='utf-8'))+'\nprint(history[-1]["accuracy"])').split()[-1]
        if float(got)<.95: sys.exit(f"README's example ends at an accuracy of {got}")
        print(f"README's example: accuracy {float(got):.1%}")
        with tarfile.open(sdist) as f: f.extractall(folder/'source', **(dict(filter='data') if sys.version_info>=(3, 12) else {}))
        run('python', '-m', 'pip', 'install', '-q', '--no-deps', '--force-reinstall', next((folder/'source').iterdir()))
        tried(sdist.name, 1)

if __name__=='__main__': main(*sys.argv[1:])
