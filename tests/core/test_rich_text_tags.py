from portal.core.templatetags.rich_text import below_title


def test_headings_of_a_plain_page_follow_its_title():
    html = "<h3>Cookies</h3><p>Text &lt;h3&gt;</p><h4>More</h4>"
    assert below_title(html) == "<h2>Cookies</h2><p>Text &lt;h3&gt;</p><h3>More</h3>"
