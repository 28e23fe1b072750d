"""The engine as a fresh process, for one job: ``python -m pdfsmaller.engine``. ``engine.child`` has the protocol."""

from pdfsmaller.engine.child import work

if __name__ == "__main__":
    work()
