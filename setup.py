"Builds the package from the metadata in settings.ini; nothing is said here that is said there."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

root = Path(__file__).parent
cfg = ConfigParser(interpolation=None)
cfg.read(root/'settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']
name = cfg['lib_name']

setup(name=name, version=re.search(r"__version__ = ['\"](.+?)['\"]", (root/name/'__init__.py').read_text(encoding='utf-8'))[1],
      description=cfg['description'], long_description=(root/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
      author=cfg['author'], license_expression=cfg['license'], license_files=['LICENSE', f'{name}/mnist/NOTICE.md'],
      keywords=cfg['keywords'].split(', '), python_requires='>='+cfg['min_python'],
      packages=[name, f'{name}.exercises'], package_data={name: ['mnist/*', '*.css', '*.js', 'py.typed']},
      install_requires=cfg['requirements'].split(), extras_require={k.removesuffix('_requirements'): cfg[k].split() for k in cfg if k.endswith('_requirements')},
      entry_points=dict(console_scripts=cfg['console_scripts'].split(), nbdev=[f'{name}={name}._modidx:d']),
      classifiers=[f"Development Status :: {cfg['status']}", 'Framework :: Jupyter', 'Intended Audience :: Education', 'Intended Audience :: Science/Research', 'Operating System :: OS Independent',
                   'Programming Language :: Python :: 3', 'Programming Language :: Python :: 3 :: Only', *(f'Programming Language :: Python :: 3.{k}' for k in range(10, 15)),
                   'Topic :: Education', 'Topic :: Scientific/Engineering :: Artificial Intelligence', 'Typing :: Typed'])
