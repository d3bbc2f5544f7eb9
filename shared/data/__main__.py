"""`python -m shared.data` writes data/sample/ anew; the same seed gives the same bytes."""

from shared.data._sample import make_sample, write_sample
from shared.runs import project

if __name__ == "__main__":
    folder = project() / "data" / "sample"
    write_sample(make_sample(), folder)
    print(f"written: {', '.join(sorted(path.name for path in folder.glob('*.csv')))}")
