"""The book as a whole: executed notebooks, the built site, the skeleton of a new chapter.

Run the rooms from the root of a checkout: `python -m designbook.publish.build`, `... .execute`, `... .skeleton NAME`.
"""
