from django import template

from feedback.exports.progress import number

register = template.Library()
register.filter("grouped", number)
