import re
from pathlib import Path

from tests.test_case import TestCase
from trainers.evaluation import model_card, pages


class PagesTest(TestCase):
    def test_cells_of_wide_tables_say_what_they_are(self):
        """On a phone there are no columns, and no heads of columns."""
        for template in Path(pages.__file__).parent.glob("*.html"):
            text = template.read_text("utf-8")
            for table in re.findall(r'<table class="wide">.*?</table>', text, re.DOTALL):
                cells = re.findall("<td([^>]*)>", table)
                self.assertNotEmpty(cells)
                self.assertLessEqual(sum("data-label" not in cell for cell in cells), 1)

    def test_every_table_is_narrow_or_wide(self):
        for template in Path(pages.__file__).parent.glob("*.html"):
            self.assertNotRegex(template.read_text("utf-8"), "<table>", template.name)

    def test_texts_are_escaped_and_what_is_missing_is_an_error(self):
        with self.assertRaisesRegex(Exception, "undefined"):
            pages.render("comparison.html", title="<b>")
        self.assertEqual(pages.plain([1, 2]), "1, 2")
        self.assertIs(model_card.pages, pages)
